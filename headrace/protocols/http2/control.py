"""The frames that keep a connection: SETTINGS, PING, GOAWAY, PRIORITY, and kinds that nobody knows."""

from collections.abc import Callable, Mapping

from headrace.protocols.http2 import codes, frames
from headrace.protocols.http2.budget import Budget
from headrace.protocols.http2.codes import ACK, ENHANCE_YOUR_CALM, FRAME_SIZE_ERROR, PROTOCOL_ERROR
from headrace.protocols.http2.faults import ConnectionFault
from headrace.protocols.http2.limits import Limits
from headrace.protocols.http2.outlet import Writes
from headrace.protocols.http2.sender import Sender
from headrace.protocols.http2.stream import Stream

_OURS = b"headrace"  # the payload of PINGs that are sent


class Control:
    """Answers them, and counts those without use against a budget."""

    def __init__(self, transport: Writes, sender: Sender, idle: Budget) -> None:
        self._transport = transport
        self._sender = sender
        self._idle = idle
        self._told: Callable[[], None] | None = None
        self.begun = False  # the client's first SETTINGS have come
        self.pinged: float | None = None  # when the client was asked and has not answered

    def greet(self, limits: Limits) -> None:
        """The first that a server says."""
        values = {
            codes.MAX_CONCURRENT_STREAMS: limits.max_streams,
            codes.INITIAL_WINDOW_SIZE: limits.stream_window_bytes,
            codes.MAX_FRAME_SIZE: limits.max_frame_bytes,
            codes.MAX_HEADER_LIST_SIZE: limits.max_header_bytes,
        }
        more = limits.connection_window_bytes - codes.FIRST_WINDOW
        self._transport.write(frames.settings(values) + (frames.window_update(0, more) if more else b""))

    def ask(self, told: Callable[[], None] | None, now: float | None = None) -> None:
        """Send a PING; `told` is called when it is answered."""
        self._told = told or self._told
        self.pinged = now
        self._transport.write(frames.ping(_OURS))

    def spend(self, what: str) -> None:
        """A frame without use. Raises ConnectionFault where there are too many."""
        if not self._idle.take():
            raise ConnectionFault(ENHANCE_YOUR_CALM, f"too_many_{what}")

    def on_frame(self, kind: int, flags: int, number: int, payload: memoryview, streams: Mapping[int, Stream]) -> bool:
        """A frame of any of these kinds. True where the client says goodbye. Raises ConnectionFault."""
        if not self.begun and (kind != codes.SETTINGS or flags & ACK):
            raise ConnectionFault(PROTOCOL_ERROR, "the first frame is not SETTINGS")
        if kind == codes.SETTINGS:
            self._on_settings(flags, number, payload, streams)
        elif kind == codes.PING:
            self._on_ping(flags, number, payload)
        elif kind == codes.GOAWAY:
            if number:
                raise ConnectionFault(PROTOCOL_ERROR, "GOAWAY is for no stream")
            return True
        elif kind == codes.PRIORITY:
            self._on_priority(number, payload)
        elif kind in (codes.PUSH_PROMISE, codes.CONTINUATION):
            raise ConnectionFault(PROTOCOL_ERROR, f"a frame of kind {kind} where it may not be")
        else:
            self.spend("unknown_frames")
        return False

    def _on_settings(self, flags: int, number: int, payload: memoryview, streams: Mapping[int, Stream]) -> None:
        if number:
            raise ConnectionFault(PROTOCOL_ERROR, "SETTINGS are for no stream")
        self.spend("settings")
        if flags & ACK:
            if payload:
                raise ConnectionFault(FRAME_SIZE_ERROR, "an acknowledgement has no payload")
            return
        if len(payload) > 600:  # a hundred of them; there are six
            raise ConnectionFault(ENHANCE_YOUR_CALM, "too many settings in one frame")
        self.begun = True
        self._transport.write(frames.settings_ack())
        for setting, value in frames.read_settings(payload):
            if setting == codes.INITIAL_WINDOW_SIZE:
                self._sender.resize(value, list(streams.values()))
            elif setting == codes.MAX_FRAME_SIZE:
                self._sender.max_frame = value

    def _on_ping(self, flags: int, number: int, payload: memoryview) -> None:
        if number:
            raise ConnectionFault(PROTOCOL_ERROR, "PING is for no stream")
        if len(payload) != 8:
            raise ConnectionFault(FRAME_SIZE_ERROR, "PING is not 8 bytes")
        if not flags & ACK:
            self.spend("pings")
            self._transport.write(frames.ping(bytes(payload), ack=True))
        elif payload == _OURS:
            self.pinged = None
            told, self._told = self._told, None
            if told:
                told()
        else:
            self.spend("pings")

    def _on_priority(self, number: int, payload: memoryview) -> None:
        """Read for its form: streams have no order of importance here."""
        if not number:
            raise ConnectionFault(PROTOCOL_ERROR, "PRIORITY is for a stream")
        if len(payload) != 5:
            raise ConnectionFault(FRAME_SIZE_ERROR, "PRIORITY is not 5 bytes")
        if int.from_bytes(payload[:4]) & codes.MAX_WINDOW == number:
            raise ConnectionFault(PROTOCOL_ERROR, f"stream {number} depends on itself")
        self.spend("priorities")
