"""Header blocks: decoded by hpack, and kept, for clients repeat them; encoded so that no table is needed."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from hpack.exceptions import HPACKError, OversizedHeaderListError
from hpack.hpack import Decoder, encode_integer
from hpack.table import HeaderTable

from headrace.protocols.http2.codes import COMPRESSION_ERROR, ENHANCE_YOUR_CALM
from headrace.protocols.http2.faults import ConnectionFault

Headers = list[tuple[bytes, bytes]]

_KEPT = 64  # blocks of one connection
_LONGEST_KEPT = 512  # bytes of a block

ReadT = TypeVar("ReadT")


class HeaderDecoder(Generic[ReadT]):
    """Blocks of one connection, in their order, to what `read` makes of their headers.

    A block means the same as long as no other has changed the table of headers: it is looked up then, and not decoded.
    """

    def __init__(
        self, read: Callable[[Headers], ReadT], max_bytes: int, changed: Callable[[], None] = lambda: None
    ) -> None:
        """`changed` is called when blocks mean something else from then on."""
        self._read = read
        self._changed = changed
        self._table = _Table()
        self._decoder = Decoder(max_header_list_size=max_bytes)
        self._decoder.header_table = self._table
        self._kept: dict[bytes, ReadT] = {}

    def decode(self, block: bytes) -> ReadT:
        """What it says. Raises ConnectionFault where it cannot be decoded, and whatever `read` raises."""
        found = self._kept.get(block)
        if found is not None:
            return found
        before = self._table.changes
        resized = bool(block) and block[0] & 0xE0 == 0x20
        try:
            headers: Any = self._decoder.decode(block, raw=True)
        except OversizedHeaderListError as error:
            raise ConnectionFault(ENHANCE_YOUR_CALM, "the headers are too large once decoded") from error
        except (HPACKError, ValueError, IndexError) as error:
            raise ConnectionFault(COMPRESSION_ERROR, "a header block cannot be decoded") from error
        if resized or self._table.changes != before:
            self._kept.clear()
            self._changed()
            return self._read(headers)
        made = self._read(headers)
        if len(block) <= _LONGEST_KEPT:
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            self._kept[block] = made
        return made

    def keeps(self, block: bytes) -> bool:
        """Whether it means the same if it comes next."""
        return block in self._kept


class _Table(HeaderTable):
    """Counts its changes."""

    def __init__(self) -> None:
        super().__init__()
        self.changes = 0

    def add(self, name: bytes, value: bytes) -> None:
        self.changes += 1
        super().add(name, value)


_SHORT = tuple(bytes((count,)) for count in range(127))


def literal(name: bytes, value: bytes) -> bytes:
    """A header that enters no table and needs none."""
    return b"\0" + coded_text(name) + coded_text(value)


def coded_text(text: bytes) -> bytes:
    """A name or a value as it stands in such a header."""
    count = len(text)
    return (_SHORT[count] if count < 127 else bytes(encode_integer(count, 7))) + text
