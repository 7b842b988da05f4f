"""WINDOW_UPDATE: the client lets a stream, or the connection, send more. Many clients send two of them a request."""

from collections.abc import Callable, Mapping
from typing import Any

from headrace.protocols.http2.again import Forms
from headrace.protocols.http2.codes import MAX_WINDOW, PROTOCOL_ERROR
from headrace.protocols.http2.control import Control
from headrace.protocols.http2.faults import ConnectionFault, StreamFault
from headrace.protocols.http2.frames import read_u32
from headrace.protocols.http2.sender import Sender
from headrace.protocols.http2.stream import Stream


class Widening:
    """Tells who sends; `reset` ends a stream with whose window something is wrong."""

    __slots__ = ("_control", "_forms", "_reset", "_sender", "_streams")

    def __init__(
        self,
        control: Control,
        sender: Sender,
        streams: Mapping[int, Stream],
        forms: Forms[Any],
        reset: Callable[[Stream, int], None],
    ) -> None:
        self._control = control
        self._sender = sender
        self._streams = streams
        self._forms = forms
        self._reset = reset

    def on_frame(self, number: int, payload: memoryview, last: int) -> None:
        """One for this stream, or for the connection, which is 0; the client has opened those up to `last`.

        Raises ConnectionFault.
        """
        self._control.spend("window_updates")
        count = read_u32(payload, "WINDOW_UPDATE") & MAX_WINDOW
        if number == 0:
            if not count:
                raise ConnectionFault(PROTOCOL_ERROR, "WINDOW_UPDATE of 0")
            self._sender.widen(count)
            return
        stream = self._streams.get(number)
        if stream is None:
            if number > last or not number & 1:
                raise ConnectionFault(PROTOCOL_ERROR, f"WINDOW_UPDATE for stream {number}, which is not open")
        elif not count:
            self._reset(stream, PROTOCOL_ERROR)
        else:
            self._widen(stream, count)

    def _widen(self, stream: Stream, count: int) -> None:
        self._forms.widened(stream.number, count)
        try:
            self._sender.widen_stream(stream, count)
        except StreamFault as fault:
            self._reset(stream, fault.code)

    def close(self) -> None:
        """Nothing more comes. Lets go of who resets, which refers to this."""
        self._reset = _unheard


def _unheard(stream: Stream, code: int) -> None:
    """The connection has ended."""
