"""A request's `content-length`, held against the content that comes: where the two differ, a proxy that believes the
one and a server that believes the other would not see the same requests (RFC 9113, 8.1.1)."""

from headrace.protocols.http2.codes import PROTOCOL_ERROR
from headrace.protocols.http2.faults import StreamFault
from headrace.protocols.http2.header_blocks import Headers
from headrace.protocols.http2.stream import Receiver, Stream

_MOST_DIGITS = 18


def declared_bytes(headers: Headers) -> int | None:
    """How much content a request says it has; None where it says nothing. Raises StreamFault for what is no length."""
    said = [value for name, value in headers if name == b"content-length"]
    if not said:
        return None
    if len(said) > 1 or not said[0].isdigit() or len(said[0]) > _MOST_DIGITS:
        raise StreamFault(PROTOCOL_ERROR, f"{b', '.join(said)!r} is no content-length")
    return int(said[0])


class Declared:
    """Hands on what comes to a receiver, as long as it is what was declared."""

    __slots__ = ("_left", "_receiver", "_stream")

    def __init__(self, receiver: Receiver, stream: Stream, size: int) -> None:
        self._receiver = receiver
        self._stream = stream
        self._left = size

    def receive(self, content: memoryview, ended: bool) -> None:
        if self._fits(len(content), ended):
            self._receiver.receive(content, ended)

    def place(self, size: int) -> memoryview | None:
        return self._receiver.place(size)

    def placed(self, count: int, ended: bool) -> None:
        if self._fits(count, ended):
            self._receiver.placed(count, ended)

    def drained(self) -> None:
        self._receiver.drained()

    def left(self) -> None:
        self._receiver.left()

    def _fits(self, count: int, ended: bool) -> bool:
        """So much more came. Where it is too much, or was the last and too little, the stream is reset."""
        self._left -= count
        fits = self._left == 0 if ended else self._left >= 0
        if not fits:
            self._stream.reset(PROTOCOL_ERROR)
        return fits
