"""What a client may send on one connection: its window, its streams' windows, and room for large messages."""

from collections.abc import Mapping

from headrace.protocols.http2 import frames
from headrace.protocols.http2.codes import FLOW_CONTROL_ERROR
from headrace.protocols.http2.faults import ConnectionFault
from headrace.protocols.http2.intake import Intake
from headrace.protocols.http2.limits import Limits
from headrace.protocols.http2.outlet import Writes
from headrace.protocols.http2.stream import Stream

_STEP_BYTES = 8 << 20  # of a large message, granted at a time


class Credit:
    """Grants it and counts what was used.

    The connection's window is given back at once: what holds a client back are the windows of its streams, so that one
    that is not read never holds up the others.
    """

    def __init__(self, transport: Writes, limits: Limits, streams: Mapping[int, Stream]) -> None:
        self._transport = transport
        self._most = self._left = limits.connection_window_bytes
        self._low = self._most // 2  # below this it is filled up
        self._first = limits.stream_window_bytes
        self._streams = streams
        self._intake = Intake(limits.intake_bytes)

    def spend(self, size: int) -> None:
        """The client has sent so many bytes. Raises ConnectionFault where it might not."""
        self._left -= size
        if self._left < self._low:
            if self._left < 0:
                raise ConnectionFault(FLOW_CONTROL_ERROR, "more than the connection's window was sent")
            self._transport.write(frames.window_update(0, self._most - self._left))
            self._left = self._most

    def replenish(self, stream: Stream) -> None:
        """What came on the stream was taken."""
        if stream.credit <= self._first // 2:
            self._grant(stream, self._first - stream.credit)

    def want(self, stream: Stream, size: int) -> None:
        """So many bytes more are awaited on the stream."""
        stream.wanted = True
        if stream.credit < min(size, self._first):
            more = min(size, max(self._first, _STEP_BYTES)) - stream.credit
            if size <= self._first or self._intake.ask(stream.number, more):
                self._grant(stream, more)
            else:
                stream.held_back = True

    def sated(self, stream: Stream) -> None:
        """Nothing large is awaited on the stream any more: others have their turn."""
        for number, count in self._intake.release(stream.number).items():
            waiting = self._streams.get(number)
            if waiting is not None:
                self._grant(waiting, count)

    def _grant(self, stream: Stream, count: int) -> None:
        if not stream.ended and stream.number in self._streams:
            stream.credit += count
            stream.held_back = False
            self._transport.write(frames.window_update(stream.number, count))
