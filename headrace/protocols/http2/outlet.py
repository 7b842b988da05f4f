"""The way out of a connection: what is written within one turn of the event loop leaves in one system call."""

from collections.abc import Callable, Sequence
from typing import Protocol

from headrace.types import Buffer

_MOST_BYTES = 64 * 1024  # that wait: from here on the socket has to say whether it takes them
_JOINED_BYTES = 16 * 1024  # a piece of this size is not copied once more


class Writes(Protocol):
    """A transport, as far as it is used here."""

    def write(self, data: Buffer) -> None: ...

    def writelines(self, list_of_data: Sequence[Buffer]) -> None: ...


class Outlet:
    """Writes to a transport a little later. Owns what was written and has not left."""

    __slots__ = ("_call_soon", "_held", "_pieces", "_shut", "_size", "_transport")

    def __init__(self, transport: Writes, call_soon: Callable[[Callable[[], None]], object]) -> None:
        self._transport = transport
        self._call_soon = call_soon
        self._pieces: list[Buffer] = []
        self._size = 0
        self._held = False
        self._shut = False

    def hold(self) -> None:
        """What is written from now on leaves with `release`, and not with the loop's turn."""
        self._held = True

    def release(self) -> None:
        self._held = False
        self.flush()

    def write(self, data: Buffer) -> None:
        if not self._pieces and not self._held:
            self._call_soon(self.flush)
        self._pieces.append(data)
        self._size += len(data)
        if self._size >= _MOST_BYTES:
            self.flush()

    def writelines(self, list_of_data: Sequence[Buffer]) -> None:
        if not self._pieces and not self._held:
            self._call_soon(self.flush)
        self._pieces += list_of_data
        self._size += sum(map(len, list_of_data))
        if self._size >= _MOST_BYTES:
            self.flush()

    def flush(self) -> None:
        """What waits leaves now."""
        pieces, size = self._pieces, self._size
        if not pieces or self._shut:
            return
        self._pieces, self._size = [], 0
        if len(pieces) == 1:
            self._transport.write(pieces[0])
        elif size < _JOINED_BYTES * len(pieces):
            self._transport.write(b"".join(pieces))
        else:
            self._transport.writelines(pieces)

    def shut(self) -> None:
        """What waits leaves now, and nothing that comes later."""
        self.flush()
        self._shut = True

    def lose(self) -> None:
        """The transport is gone, and what waits with it."""
        self._shut = True
