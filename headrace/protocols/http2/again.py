"""Requests that come again, with other content in places: told by their bytes, all of their frames at once. No streams.

A client sends its requests mostly as it sent the last: the same headers, and content of the same size. What of that is
the same to the byte is compared, and nothing of it is read.
"""

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from struct import Struct
from typing import Any, Generic, Protocol, TypeVar

from headrace.protocols.http2.codes import DATA, END_HEADERS, END_STREAM, HEADERS, MAX_WINDOW, WINDOW_UPDATE
from headrace.protocols.http2.frames import HEAD, U32
from headrace.protocols.http2.stream import Receiver, Stream
from headrace.types import Buffer

Span = tuple[int, int]
"""Where bytes begin and end."""

MOST_UPDATES = 2
"""WINDOW_UPDATEs that a form has, at most: a new stream is worth so many (`Connection`)."""

_KEPT = 4  # forms of one connection
_LONGEST_BLOCK = 512  # bytes of its headers
_LONGEST_FIXED = 4096  # bytes of the content that are the same
_PAUSE_FIRST = 2  # requests that are not looked at, before the first that is
_PAUSE = 16  # and before each other

UPDATE_BYTES = HEAD.size + U32.size
"""Of a WINDOW_UPDATE."""
_UPDATE_LAYOUT = f"{HEAD.size}sI"
_UPDATE = HEAD.pack(0, U32.size, WINDOW_UPDATE, 0, 0)  # of the connection

HeadT = TypeVar("HeadT")


class Again(Protocol):
    """The application's side of requests that differ in some of their content alone."""

    @property
    def spans(self) -> Sequence[Span]:
        """Where in the content they may, in order."""
        ...

    def begin(self, stream: Stream, parts: tuple[bytes, ...]) -> Receiver:
        """One has come, whole, with these bytes in those places."""
        ...


class _Same:
    """What is the same of frames of one stream."""

    __slots__ = ("fixed", "fixed_of", "layout", "numbers_of", "size", "unpack")

    def __init__(self, pieces: Sequence[bytes | int | None]) -> None:
        """Of bytes that are the same, the sizes of those that may differ, and None where the stream's number is."""
        layout, fixed = [">"], list[bytes]()
        places, numbers = list[int](), list[int]()
        for piece in pieces:
            place = len(places) + len(numbers)
            if piece is None:
                layout.append("I")
                numbers.append(place)
            elif isinstance(piece, int):
                layout.append(f"{piece}x")
            else:
                layout.append(f"{len(piece)}s")
                fixed.append(piece)
                places.append(place)
        self.layout = "".join(layout)
        struct = Struct(self.layout)
        self.unpack = struct.unpack_from
        self.fixed = tuple(fixed)
        self.fixed_of = itemgetter(*places)
        self.numbers_of = itemgetter(*numbers)
        self.size = struct.size

    def fits(self, found: tuple[Any, ...]) -> bool:
        """Whether what was unpacked is that, all with one number."""
        if self.fixed_of(found) != self.fixed:
            return False
        numbers: tuple[int, ...] = self.numbers_of(found)
        return numbers.count(numbers[0]) == len(numbers)


class Form:
    """Requests that are the same but for some of their content, from the first byte of their first frame."""

    __slots__ = (
        "_begin",
        "_long",
        "_parts",
        "_unpack_long",
        "_whole",
        "begin",
        "begin_bytes",
        "data_bytes",
        "num_updates",
        "size",
        "widening",
    )

    def __init__(self, block: bytes, updates: Sequence[int], content: bytes, again: Again) -> None:
        """Headers, what the stream's window was widened by before its content, and that."""
        spans, size = again.spans, len(content)
        pieces: list[bytes | int | None] = [_head(len(block), HEADERS, END_HEADERS), None]
        before = block
        for update in updates:
            pieces += (before + _head(U32.size, WINDOW_UPDATE, 0), None)
            before = U32.pack(update)
        pieces += (before + _head(size, DATA, END_STREAM), None, content[: spans[0][0]])
        self._begin = _Same(pieces)
        for (at, end), until in zip(spans, [*(at for at, _ in spans[1:]), size], strict=True):
            pieces += (end - at, content[end:until])
        self._whole = _Same(pieces)
        longer = Struct(self._whole.layout + _UPDATE_LAYOUT)
        self._long = longer.size
        self._unpack_long = longer.unpack_from
        self._parts = Struct(_layout(spans)).unpack_from
        self.begin = again.begin
        self.begin_bytes = self._begin.size
        """All that is before what may differ."""
        self.size = self._whole.size
        self.data_bytes = size
        self.num_updates = len(updates)
        self.widening = sum(updates)

    def begins(self, memory: Buffer, at: int) -> bool:
        """Whether all that lies there which is before what may differ."""
        return self._begin.fits(self._begin.unpack(memory, at))

    def widened(self, memory: Buffer, at: int, here: int) -> int:
        """-1 where none lies there, whole; else by how much a frame behind it widens the connection's window, or 0."""
        same = self._whole
        if here < self._long:
            return 0 if same.fits(same.unpack(memory, at)) else -1
        found = self._unpack_long(memory, at)
        if not same.fits(found):
            return -1
        count: int = found[-1]
        return count if found[-2] == _UPDATE and count <= MAX_WINDOW else 0

    def parts(self, memory: Buffer, at: int) -> tuple[bytes, ...]:
        """What one that lies there has where it may differ, in memory of its own."""
        return self._parts(memory, at + self.begin_bytes)


def _head(size: int, kind: int, flags: int) -> bytes:
    """A frame's, up to its number."""
    return HEAD.pack(size >> 8, size & 255, kind, flags, 0)[: HEAD.size - U32.size]


def _layout(spans: Iterable[Span]) -> str:
    layout, at = [">"], None
    for begin, end in spans:
        layout.append(f"{begin - (begin if at is None else at)}x{end - begin}s")
        at = end
    return "".join(layout)


class Forms(Generic[HeadT]):
    """Those of requests that came on a connection, found by looking at one now and then."""

    def __init__(self, again: Callable[[HeadT, bytes], Again | None]) -> None:
        """As the application says it."""
        self.known: list[Form] = []
        self._again = again
        self._pause = _PAUSE_FIRST
        self._opened: tuple[int, bytes, HeadT] | None = None  # the stream that is looked at
        self._updates: list[int] = []

    def clear(self) -> None:
        """From now on headers are coded otherwise."""
        self.known.clear()
        self._opened = None

    def opened(self, number: int, block: bytes, head: HeadT) -> None:
        """A stream was, by headers that mean the same if they come again."""
        self._opened = None
        if self._pause:
            self._pause -= 1
        elif len(block) <= _LONGEST_BLOCK:
            self._opened, self._updates = (number, block, head), []

    def widened(self, number: int, count: int) -> None:
        """A stream's window was."""
        if self._opened is not None and self._opened[0] == number:
            self._updates.append(count)

    def came(self, number: int, content: memoryview, all_: bool) -> None:
        """Content of a stream came, `all_` of it or some."""
        if self._opened is None or self._opened[0] != number:
            return
        (_, block, head), self._opened = self._opened, None
        if not all_ or len(self._updates) > MOST_UPDATES:
            return
        self._pause = _PAUSE
        sent = bytes(content)
        again = self._again(head, sent)
        if again is not None and len(sent) - sum(end - begin for begin, end in again.spans) <= _LONGEST_FIXED:
            del self.known[_KEPT - 1 :]
            self.known.insert(0, Form(block, self._updates, sent, again))
