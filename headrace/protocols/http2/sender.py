"""What goes out on one connection: as much as the client's windows, its frame size and its socket allow."""

from collections import deque
from collections.abc import Callable, Sequence

from headrace.protocols.http2.budget import Budget
from headrace.protocols.http2.codes import (
    DATA,
    END_HEADERS,
    END_STREAM,
    FIRST_WINDOW,
    FLOW_CONTROL_ERROR,
    HEADERS,
    LEAST_MAX_FRAME,
    MAX_WINDOW,
)
from headrace.protocols.http2.faults import ConnectionFault, StreamFault
from headrace.protocols.http2.frames import HEAD, WHOLE_HEAD, frame
from headrace.protocols.http2.outlet import Writes
from headrace.protocols.http2.shared import Unsent
from headrace.protocols.http2.stream import Stream
from headrace.types import Buffer

_TURN_BYTES = 64 * 1024  # of one stream, before the next has its turn
_JOINED_BYTES = 4096  # so little is sooner copied than kept in its pieces
_TOO_FAR = 2  # times what may wait on all connections: by then even the first answer of one is too much
_REPLIES = 3  # frames that a client may well send for one of content: two WINDOW_UPDATEs, and a PING
_END = END_HEADERS | END_STREAM


class Sender:
    """Owns the windows of the client. `ended` is called with each stream whose last block is on its way."""

    def __init__(self, transport: Writes, ended: Callable[[Stream], None], idle: Budget, unsent: Unsent) -> None:
        self._transport = transport
        self._ended = ended
        self._idle = idle
        self._unsent = unsent  # of this connection and all others
        self._held_bytes = 0  # of that, on this one
        self._waiting: dict[int, Stream] = {}  # streams with something unsent, in the order of their turns
        self._paused = False  # the socket takes no more for now
        self.window = FIRST_WINDOW
        self.first_window = FIRST_WINDOW  # of each new stream
        self.max_frame = LEAST_MAX_FRAME
        self.num_sent = 0  # pieces of content: shows that something is taken

    @property
    def waits(self) -> bool:
        """Something is to be sent that the client does not let through."""
        return bool(self._waiting) or self._paused

    def has_room(self, size: int) -> bool:
        """Whether so much more may have to wait; where nothing does on this connection, until the others go too far."""
        unsent = self._unsent
        if self._held_bytes:
            return unsent.total_bytes + size <= unsent.most_bytes
        return unsent.total_bytes <= _TOO_FAR * unsent.most_bytes

    def close(self) -> None:
        """Nothing more goes out. Lets go of who is told of it, which refers to the sender."""
        self._ended = _unheard

    def send(self, stream: Stream, head: bytes, parts: Sequence[Buffer], size: int, tail: bytes | None) -> bool:
        """Send, or keep what has to wait. False where something waits."""
        number, out = stream.number, self._transport
        if (
            head
            and tail is not None
            and size <= self.window
            and size <= stream.window
            and size <= LEAST_MAX_FRAME
            and not self._paused
        ):  # as most answers are
            self.window -= size
            self._idle.give(_REPLIES)
            pack = WHOLE_HEAD.pack
            begin = pack(len(head) << 8 | HEADERS, END_HEADERS, number)
            end = pack(len(tail) << 8 | HEADERS, _END, number)
            out.writelines((begin, head, pack(size << 8 | DATA, 0, number), *parts, end, tail))
            self._ended(stream)
            return True
        if (
            stream.unsent is None
            and size <= LEAST_MAX_FRAME
            and size <= self.window
            and size <= stream.window
            and not self._paused
        ):
            self.window -= size
            stream.window -= size
            self._idle.give(_REPLIES)
            lines = _small(number, head, parts, size, tail)
            if size <= _JOINED_BYTES:
                self._transport.write(b"".join(lines))
            else:
                self._transport.writelines(lines)
            if tail is not None:
                self._ended(stream)
                return True
            if not self._paused:
                return True
            size = 0  # it is told when the socket is free again
        elif head:
            self._transport.write(frame(HEADERS, END_HEADERS, number, head))
        if stream.unsent is None:
            stream.unsent = deque()
        if size:
            stream.unsent.extend(memoryview(part).cast("B") for part in parts if part)
            self._hold(size)
        stream.tail = tail
        self._waiting[number] = stream
        self.pump()
        return number not in self._waiting

    def pump(self) -> None:
        """Send what the windows let through, each stream in its turn."""
        moved = True
        while moved and not self._paused:
            moved = False
            for stream in list(self._waiting.values()):
                if self._paused:
                    return
                moved |= self._take_turn(stream)

    def _take_turn(self, stream: Stream) -> bool:
        """Send some of it; False where nothing of it may go."""
        unsent = stream.unsent
        if unsent is None or stream.number not in self._waiting:
            return False
        lines: list[Buffer] = []
        turn = _TURN_BYTES
        while unsent and (most := min(turn, self.window, stream.window, self.max_frame)) > 0:
            size = _cut(unsent, most, stream.number, lines)
            self.window -= size
            stream.window -= size
            turn -= size
            self._hold(-size)
        if not unsent:
            del self._waiting[stream.number]
            stream.unsent = None
            if stream.tail is not None:
                lines.append(frame(HEADERS, _END, stream.number, stream.tail))
        elif lines:
            self._waiting[stream.number] = self._waiting.pop(stream.number)  # to the end of the row
        if lines:
            self.num_sent += 1
            self._idle.give(_REPLIES * len(lines))
            self._transport.writelines(lines)
        if not unsent:
            if stream.tail is not None:
                self._ended(stream)
            else:
                stream.receiver.drained()
        return bool(lines) or not unsent

    def drop(self, stream: Stream) -> None:
        """Nothing more of this stream is to be sent."""
        self._waiting.pop(stream.number, None)
        if stream.unsent:
            self._hold(-sum(map(len, stream.unsent)))
        stream.unsent = None

    def _hold(self, num_bytes: int) -> None:
        self._held_bytes += num_bytes
        self._unsent.total_bytes += num_bytes

    # ---- what the client and its socket allow

    def widen(self, count: int) -> None:
        """Of the connection. Raises ConnectionFault where it becomes too much."""
        self.window += count
        if self.window > MAX_WINDOW:
            raise ConnectionFault(FLOW_CONTROL_ERROR, f"the connection's window is over {MAX_WINDOW}")
        if self._waiting:
            self.pump()

    def widen_stream(self, stream: Stream, count: int) -> None:
        """Raises StreamFault where it becomes too much."""
        stream.window += count
        if stream.window > MAX_WINDOW:
            raise StreamFault(FLOW_CONTROL_ERROR, f"the stream's window is over {MAX_WINDOW}")
        if stream.unsent is not None:
            self.pump()

    def resize(self, first_window: int, streams: Sequence[Stream]) -> None:
        """The first window of streams has changed, that of open ones with it. Raises ConnectionFault."""
        change, self.first_window = first_window - self.first_window, first_window
        for stream in streams:
            stream.window += change
            if stream.window > MAX_WINDOW:
                raise ConnectionFault(FLOW_CONTROL_ERROR, f"a stream's window is over {MAX_WINDOW}")
        self.pump()

    def pause(self) -> None:
        self._paused = True

    def resume(self) -> None:
        self._paused = False
        self.num_sent += 1
        self.pump()


def _small(number: int, head: bytes, parts: Sequence[Buffer], size: int, tail: bytes | None) -> list[Buffer]:
    """All of it, where the content is one frame."""
    pack = HEAD.pack
    lines: list[Buffer] = []
    if head:
        count = len(head)
        lines += (pack(count >> 8, count & 255, HEADERS, END_HEADERS, number), head)
    if size:
        lines += (pack(size >> 8, size & 255, DATA, 0, number), *parts)
    if tail is not None:
        count = len(tail)
        lines += (pack(count >> 8, count & 255, HEADERS, _END, number), tail)
    return lines


def _cut(unsent: deque[memoryview], most: int, number: int, lines: list[Buffer]) -> int:
    """One DATA frame off the front, of at most so many bytes. Returns its size."""
    size = min(most, sum(map(len, unsent)))
    lines.append(HEAD.pack(size >> 8, size & 255, DATA, 0, number))
    left = size
    while left:
        part = unsent.popleft()
        if len(part) > left:
            unsent.appendleft(part[left:])
            part = part[:left]
        lines.append(part)
        left -= len(part)
    return size


def _unheard(stream: Stream) -> None:
    """The connection is gone."""
