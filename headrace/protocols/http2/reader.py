"""Bytes to frames, wherever they are cut. Knows no streams, and copies nothing that it can show in place.

Connections of one loop read into the same memory, one after another: what is not whole is put aside until more comes.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from headrace.protocols.http2.again import UPDATE_BYTES, Form
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
"""The rest of a DATA frame that is worth a read of its own, straight to where it belongs; less waits to be whole."""

_TURN_FRAMES = 8  # are handed on in any case: a busy machine may take the time of a turn away
_LARGE_BYTES = 8 * 1024  # of a DATA frame that makes a turn longer: a read has room for a few such
_LARGE_FRAMES = 3  # by so many: what comes with it are headers, and windows of the stream and of the connection
_TURN_READS = (
    4  # that fill the room are a turn, even if each is handed on at once: an event loop reads up to 32 in a row
)
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

    def on_again(self, form: Form, number: int, parts: tuple[bytes, ...], widened: int) -> bool:
        """A whole request of that form, and behind it by how much the connection's window is widened, or 0; False where
        all that is to be handed on frame by frame."""
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
    """Asks for memory with `room`, is told with `received` how much was put there, and hands frames to its sink.

    `shared` is memory of READ_BYTES that nobody else uses between those two calls. After `turn_s` of `now`'s time, and
    a few frames, or the few large ones that a read has room for, the rest is left for a later turn: `received(0)` goes
    on with it.
    """

    def __init__(
        self,
        sink: Sink,
        max_frame_bytes: int,
        max_control_bytes: int,
        shared: memoryview,
        turn_s: float,
        now: Callable[[], float],
        forms: Sequence[Form] = (),
    ) -> None:
        """`forms` are those of requests that are handed on whole."""
        self._forms = forms
        self._sink = sink
        self._max_frame_bytes = max_frame_bytes
        self._max_control_bytes = max_control_bytes  # of a frame that is not DATA
        self._turn_s = turn_s
        self._now = now
        self._shared = self._memory = shared
        self._at = self._end = 0  # what lies in the memory and was not handed on
        self._left = 0  # of a DATA frame's content
        self._wanted = 0  # bytes of memory for a frame that has begun
        self._skip = 0  # padding behind it, or what nobody wants
        self._placed = False  # the room that was given lies elsewhere
        self._filled = 0  # reads in a row that filled the room
        self._late = False  # whole frames wait for their turn
        self._in_data = False  # what was put aside is the beginning of a DATA frame
        self.greeted = False  # the client's preface has come
        self._handed_on = 0  # reads that made a frame whole

    @property
    def begun(self) -> tuple[str, int] | None:
        """What the client owes the rest of, and no other at another time: the greeting, a frame's head, or a frame that
        is not DATA; None where that is nothing."""
        owes = not self.greeted or (self._at < self._end and not self._late and not self._in_data)
        return ("frame", self._handed_on) if owes else None

    def room(self) -> memoryview:
        """Where the next bytes go. Never empty."""
        if self._left >= PLACE_BYTES and (place := self._sink.place(self._left)) is not None:
            self._placed = True
            return place
        self._placed = False
        held = self._end - self._at
        if held:
            self._bring_back(held)
        return self._memory[held:]

    def _bring_back(self, held: int) -> None:
        """What was put aside goes to the front of memory that holds the whole of it, and more."""
        aside = self._memory[self._at : self._end]
        if max(self._wanted, held + 1) <= len(self._shared):
            self._memory = self._shared
        elif self._at or len(self._memory) < max(self._wanted, held + 1):
            self._memory = memoryview(bytearray(max(self._wanted, held + READ_BYTES)))
        else:
            return
        self._memory[:held] = aside
        self._at, self._end = 0, held

    def close(self) -> None:
        """Nothing more comes. Lets go of the sink, which refers to this: else the memory waited for a collection."""
        del self._sink

    def received(self, count: int) -> bool:
        """So many bytes lie in the room. False where the turn is over: not every frame was handed on, or the room was
        filled so often that there is more to be read.

        Raises ConnectionFault, and whatever the sink raises.
        """
        if self._placed:
            self._left -= count
            self._sink.on_placed(count, self._left == 0)
            return True
        at, end = self._at, self._end + count
        self._late = self._in_data = False
        if not self.greeted:
            at = self._greet(end)
        if self._left or self._skip:
            at = self._go_on(at, end)
        begins, at = at, self._read(at, end)
        self._handed_on += at != begins
        self._filled = self._filled + 1 if count and end == len(self._memory) else 0
        self._put_aside(at, end)
        if self._filled == _TURN_READS:
            self._filled = 0
            return False
        return not self._late

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
        memory, sink, unpack, now, forms = self._memory, self._sink, HEAD.unpack_from, self._now, self._forms
        until, more = now() + self._turn_s, _TURN_FRAMES
        self._wanted = 0
        while end - at >= _HEAD_BYTES:
            high, low, kind, flags, number = unpack(memory, at)
            size, start = high << 8 | low, at + _HEAD_BYTES
            after = start + size
            if kind == HEADERS and forms and (taken := self._again(at, end, number)):
                if taken < 0:
                    self._in_data = True
                    return at
                after = at + taken
            elif kind == DATA and after <= end and not flags & PADDED:
                sink.on_data(number & _NUMBER, bool(flags & END_STREAM), size, memory[start:after], True)
                more += _LARGE_FRAMES if size >= _LARGE_BYTES else 0
            elif kind == DATA:
                self._check(size)
                if after > end and (size < PLACE_BYTES or start == end):
                    self._in_data = True
                    return at
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
            more -= 1
            if more <= 0 and at < end and now() > until:
                self._late = True
                break
        return at

    def _again(self, at: int, end: int, number: int) -> int:
        """Hand on the request that begins there, if it is of a known form: as one, it counts in a turn as one frame.

        Returns how many bytes it took; 0 where there is none such, -1 where it is waited for, as its DATA would be.
        """
        memory, here = self._memory, end - at
        for form in self._forms:
            if here >= form.size:
                widened = form.widened(memory, at, here)
                if widened >= 0:
                    taken = form.size + UPDATE_BYTES if widened else form.size
                    return taken if self._sink.on_again(form, number, form.parts(memory, at), widened) else 0
            elif here >= form.begin_bytes and form.data_bytes < PLACE_BYTES and form.begins(memory, at):
                return -1
        return 0

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

    def _put_aside(self, at: int, end: int) -> None:
        """What is here of frames that were not handed on; the shared memory is others' until there is more."""
        if at == end:
            self._memory, at, end = self._shared, 0, 0
        elif self._memory is self._shared:
            self._memory, at, end = memoryview(bytes(self._shared[at:end])), 0, end - at
        self._at, self._end = at, end
