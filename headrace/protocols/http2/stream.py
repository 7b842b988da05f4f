"""One stream of a connection, as the application above sees it."""

from collections import deque
from collections.abc import Sequence
from typing import Protocol

from headrace.types import Buffer


class Receiver(Protocol):
    """Takes what comes on a stream: the application's side of it."""

    def receive(self, content: memoryview, ended: bool) -> None:
        """Content, good for the length of this call; `ended`: the client has no more."""
        ...

    def place(self, size: int) -> memoryview | None:
        """Memory for up to so many bytes that will come next, or None."""
        ...

    def placed(self, count: int, ended: bool) -> None:
        """So many bytes lie there."""
        ...

    def drained(self) -> None:
        """All that was sent so far is on its way: more may follow."""
        ...

    def left(self) -> None:
        """The stream is gone before its end: the client reset it, or the connection is lost."""
        ...


class Nobody:
    """Takes what comes on a stream that nobody listens to."""

    def receive(self, content: memoryview, ended: bool) -> None:
        """Nobody listens."""

    def place(self, size: int) -> memoryview | None:
        return None

    def placed(self, count: int, ended: bool) -> None:
        """Nothing was given to be filled."""

    def drained(self) -> None:
        """Nobody waits."""

    def left(self) -> None:
        """Nobody minds."""


NOBODY = Nobody()


class Carrier(Protocol):
    """The connection under a stream."""

    def send(self, stream: "Stream", head: bytes, parts: Sequence[Buffer], size: int, tail: bytes | None) -> bool: ...

    def has_room(self, size: int) -> bool: ...

    def replenish(self, stream: "Stream") -> None: ...

    def want(self, stream: "Stream", size: int) -> None: ...

    def sated(self, stream: "Stream") -> None: ...

    def reset(self, stream: "Stream", code: int) -> None: ...


class Stream:
    """What goes out on a stream, and what may come in. The windows and what waits are the connection's to change.

    What most streams never set is said of the class: a stream is made for each request.
    """

    gone = False  # nothing more can be sent
    ended = False  # the client has no more
    held_back = False  # what it wants to send beyond its credit has to wait for others
    wanted = False  # more was awaited than it had credit for
    unsent: deque[memoryview] | None = None  # content that waits for windows
    tail: bytes | None = None  # the block of headers behind it, which ends the stream
    receiver: Receiver = NOBODY

    def __init__(self, number: int, carrier: Carrier, window: int, credit: int, opened: float) -> None:
        self.number = number
        self.window = window  # bytes that may be sent to the client
        self.credit = credit  # bytes that the client may send
        self.opened = opened
        self._carrier = carrier

    @property
    def may_send(self) -> bool:
        """It is the client who is awaited."""
        return self.credit > 0 or not self.held_back

    def leave(self) -> None:
        """The stream is gone: its receiver hears of it, and is let go, since it refers to the stream."""
        self.gone = True
        receiver, self.receiver = self.receiver, NOBODY
        receiver.left()

    def send(self, head: bytes, parts: Sequence[Buffer], size: int, tail: bytes | None) -> bool:
        """Send a block of headers, content of `size` bytes, and a last block, each where there is one.

        False where some of it waits: `drained` is called when it does not any more. The parts must not change.
        """
        return self.gone or self._carrier.send(self, head, parts, size, tail)

    def has_room(self, size: int) -> bool:
        """Whether content of that size may be sent now: it may have to wait for a client that does not take it."""
        return self.gone or self._carrier.has_room(size)

    def replenish(self) -> None:
        """What came so far was taken: as much may follow."""
        self._carrier.replenish(self)

    def want(self, size: int) -> None:
        """So many bytes more are awaited: let the client send them, or the first of them."""
        self._carrier.want(self, size)

    def sated(self) -> None:
        """Nothing large is awaited any more."""
        self._carrier.sated(self)

    def reset(self, code: int) -> None:
        """The client did something wrong with it: it ends here, and its receiver hears that it has left."""
        self._carrier.reset(self, code)
