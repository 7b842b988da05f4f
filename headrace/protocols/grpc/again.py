"""Calls that come again, with other bytes in some places of their messages: opened and served at once."""

import logging

from headrace.protocols.bodies import UNTAKEN
from headrace.protocols.grpc import method
from headrace.protocols.grpc.call import Opened, RemoteCall
from headrace.protocols.grpc.messages import PREFIX_BYTES
from headrace.protocols.grpc.request import OPENING
from headrace.protocols.grpc.status import INTERNAL, RESOURCE_EXHAUSTED
from headrace.protocols.http2.stream import Receiver, Stream

log = logging.getLogger(__name__)


class WholeCall(RemoteCall):
    """One whose message came with it, and that has no deadline."""

    _served = _no_more = True

    def __init__(self, stream: Stream, opened: Opened) -> None:
        self._stream = stream
        self._opened = opened

    def finish_framed(self, framed: bytes, block: bytes) -> None:
        """As `finish`, with the message behind its prefix, and all the headers that end the call."""
        if not self._has_room(len(framed)):
            self.end(RESOURCE_EXHAUSTED, UNTAKEN)
        elif not self._ended:
            self._ended, self._left = True, None
            self._stream.send(OPENING, (framed,), len(framed), block)


class Again:
    """Such calls of one connection, as their streams come."""

    __slots__ = ("_opened", "_serve", "spans")

    def __init__(self, found: method.Again, opened: Opened) -> None:
        self.spans = [(PREFIX_BYTES + begin, PREFIX_BYTES + end) for begin, end in found.spans]
        self._serve = found.serve
        self._opened = opened

    def begin(self, stream: Stream, parts: tuple[bytes, ...]) -> Receiver:
        """One has come, whole."""
        call = WholeCall(stream, self._opened)
        try:
            self._serve(call, parts)
        except Exception:
            log.exception("a method failed")
            call.end(INTERNAL, "the server failed on this request; its log says why")
        return call
