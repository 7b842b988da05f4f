"""Bytes to frames, wherever they are cut. Knows no streams, and copies nothing that it can show in place."""

from typing import Protocol

from headrace.protocols.http2.codes import (
    CONTINUATION,
    DATA,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    FRAME_SIZE_ERROR,
    HEADERS,
    PADDED,
    PREFACE,
    PROTOCOL_ERROR,
)
from headrace.protocols.http2.faults import ConnectionFault
from headrace.protocols.http2.frames import HEAD

READ_BYTES = 64 * 1024
"""Read at once: more gains nothing, and other connections would wait longer."""
PLACE_BYTES = 32 * 1024
"""The rest of a DATA frame that is worth a read of its own, straight to where it belongs."""

_HEAD_BYTES = HEAD.size
_NUMBER = 2**31 - 1  # the bit above is reserved, and means nothing


class Sink(Protocol):
    """Takes frames as they come. What it is shown is good for that call; what it raises ends the reading."""

    def on_frame(self, kind: int, flags: int, number: int, payload: memoryview) -> None:
        """A whole frame of any kind but DATA."""
        ...

    def on_data(self, number: int, ended: bool, size: int, content: memoryview, whole: bool) -> None:
        """A DATA frame of `size` bytes, padding included, and what is here of its content."""
        ...

    def on_more(self, content: memoryview, whole: bool) -> None:
        """More of the content of that DATA frame."""
        ...

    def place(self, size: int) -> memoryview | None:
        """Memory for up to so many bytes that are still to come of that DATA frame; None: show them."""
        ...

    def on_placed(self, count: int, whole: bool) -> None:
        """So many bytes lie there now."""
        ...


class FrameReader:
    """Asks for memory with `room`, is told with `received` how much was put there, and hands frames to its sink."""

    def __init__(self, sink: Sink, max_frame_bytes: int, max_control_bytes: int) -> None:
        self._sink = sink
        self._max_frame_bytes = max_frame_bytes
        self._max_control_bytes = max_control_bytes  # of a frame that is not DATA
        self._base = self._memory = memoryview(bytearray(READ_BYTES))
        self._held = 0  # bytes of a frame that is not whole, at the front of the memory
        self._left = 0  # of a DATA frame's content
        self._wanted = 0  # bytes of memory for a frame that has begun
        self._skip = 0  # padding behind it, or what nobody wants
        self._placed = False  # the room that was given lies elsewhere
        self.greeted = False  # the client's preface has come

    @property
    def unfinished(self) -> bool:
        """The greeting is not whole, or a frame's head, or a frame that is not DATA."""
        return not self.greeted or bool(self._held)

    def room(self) -> memoryview:
        """Where the next bytes go. Never empty."""
        if self._left >= PLACE_BYTES and (place := self._sink.place(self._left)) is not None:
            self._placed = True
            return place
        self._placed = False
        return self._memory[self._held :]

    def close(self) -> None:
        """Nothing more comes. Lets go of the sink, which refers to this: else the memory waited for a collection."""
        del self._sink

    def received(self, count: int) -> None:
        """So many bytes lie in the room. Raises ConnectionFault, and whatever the sink raises."""
        if self._placed:
            self._left -= count
            self._sink.on_placed(count, self._left == 0)
            return
        at, end = 0, self._held + count
        if not self.greeted:
            at = self._greet(end)
        if self._left or self._skip:
            at = self._go_on(at, end)
        at = self._read(at, end)
        self._keep(at, end)

    def _greet(self, end: int) -> int:
        known = min(end, len(PREFACE))
        if self._memory[:known] != PREFACE[:known]:
            raise ConnectionFault(PROTOCOL_ERROR, "not HTTP/2: the connection preface is missing")
        self.greeted = known == len(PREFACE)
        return known if self.greeted else 0

    def _read(self, at: int, end: int) -> int:
        """Hand on every frame that begins here. Returns where the first one begins that is not whole."""
        if not self.greeted:
            return at
        memory, sink, unpack = self._memory, self._sink, HEAD.unpack_from
        while end - at >= _HEAD_BYTES:
            high, low, kind, flags, number = unpack(memory, at)
            size, start = high << 8 | low, at + _HEAD_BYTES
            after = start + size
            if kind == DATA and after <= end and not flags & PADDED:
                sink.on_data(number & _NUMBER, bool(flags & END_STREAM), size, memory[start:after], True)
            elif kind == DATA:
                self._check(size)
                if flags & PADDED and size and start == end:
                    return at  # how much padding there is comes next
                after = self._open(number & _NUMBER, flags, start, end, size)
            elif after <= end:
                sink.on_frame(kind, flags, number & _NUMBER, memory[start:after])
            else:
                self._check(size)
                if size > self._max_control_bytes:
                    after = self._refuse_or_skip(kind, flags, number & _NUMBER, end, after)
                else:
                    self._wanted = _HEAD_BYTES + size
                    return at
            at = after
        return at

    def _open(self, number: int, flags: int, start: int, end: int, size: int) -> int:
        """A DATA frame that is cut, or padded. Returns where to read on."""
        padding = 0
        content = size
        if flags & PADDED:
            if not size or self._memory[start] >= size:
                raise ConnectionFault(PROTOCOL_ERROR, "DATA has more padding than bytes")
            padding, start = self._memory[start], start + 1
            content = size - 1 - padding
        here = min(content, end - start)
        self._left, self._skip = content - here, padding
        self._sink.on_data(number, bool(flags & END_STREAM), size, self._memory[start : start + here], here == content)
        return self._go_on(start + here, end)

    def _go_on(self, at: int, end: int) -> int:
        """With the DATA frame that is under way. Returns where to read on."""
        if self._left and at < end:
            here = min(self._left, end - at)
            self._left -= here
            self._sink.on_more(self._memory[at : at + here], self._left == 0)
            at += here
        if not self._left:
            skipped = min(self._skip, end - at)
            self._skip -= skipped
            at += skipped
        return at

    def _check(self, size: int) -> None:
        if size > self._max_frame_bytes:
            raise ConnectionFault(FRAME_SIZE_ERROR, f"a frame of {size} bytes; the most is {self._max_frame_bytes}")

    def _refuse_or_skip(self, kind: int, flags: int, number: int, end: int, after: int) -> int:
        if kind == HEADERS:
            raise ConnectionFault(ENHANCE_YOUR_CALM, f"headers are over {self._max_control_bytes} bytes")
        if kind <= CONTINUATION:
            raise ConnectionFault(FRAME_SIZE_ERROR, f"no frame of kind {kind} is that large")
        self._sink.on_frame(kind, flags, number, self._memory[:0])  # of a kind that nobody knows: nobody misses it
        self._skip = after - end
        return end

    def _keep(self, at: int, end: int) -> None:
        """What is here of a frame goes to the front of the memory, and of larger memory where that is too small."""
        held = end - at
        if self._wanted > len(self._memory):
            memory = memoryview(bytearray(self._wanted))
            memory[:held] = self._memory[at:end]
            self._memory = memory
        elif held and at:
            self._memory[:held] = bytes(self._memory[at:end])
        elif not held:
            self._memory = self._base
        self._held, self._wanted = held, 0
