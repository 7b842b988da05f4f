"""One HTTP/2 connection of a server: every frame to its stream, and what the client may not do. No gRPC.

What is wrong with one stream resets it; what is wrong with the connection, floods among it, ends in a GOAWAY.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Generic, cast

from headrace.protocols.http2 import codes, frames
from headrace.protocols.http2.again import Form, Forms
from headrace.protocols.http2.application import Application, HeadT
from headrace.protocols.http2.budget import Budget
from headrace.protocols.http2.codes import HEADERS, MAX_WINDOW, NO_ERROR, PROTOCOL_ERROR, STREAM_CLOSED, WINDOW_UPDATE
from headrace.protocols.http2.control import Control
from headrace.protocols.http2.credit import Credit
from headrace.protocols.http2.crowd import Standing
from headrace.protocols.http2.faults import ConnectionFault, StreamFault
from headrace.protocols.http2.forgotten import Forgotten
from headrace.protocols.http2.header_blocks import HeaderDecoder
from headrace.protocols.http2.header_frames import Block, HeaderFrames
from headrace.protocols.http2.limits import Limits
from headrace.protocols.http2.outlet import Outlet
from headrace.protocols.http2.reader import FrameReader
from headrace.protocols.http2.sender import Sender
from headrace.protocols.http2.shared import Shared
from headrace.protocols.http2.silence import Signs, Verdict, look
from headrace.protocols.http2.stream import NOBODY, Stream
from headrace.protocols.http2.turns import Turns
from headrace.protocols.http2.unchanged import Unchanged
from headrace.protocols.http2.widening import Widening
from headrace.types import Buffer

log = logging.getLogger(__name__)

_HARD = 4  # times the limit of headers: so much the application may refuse in its own words
_RAPID_S = 0.05  # a stream that is reset this soon was hardly meant
_LINGER_S = 0.5  # that a client has to read why it is closed
_REPLIES = 2  # frames that a client may well send along with a new stream: a WINDOW_UPDATE, a PRIORITY
_NOT_ODD = 1 << 31 | 1  # bits of a number: a client's is odd, and the reserved one is looked at by itself
_NOTHING = memoryview(b"")


class Connection(asyncio.BufferedProtocol, Generic[HeadT]):
    """Owns its streams from their first header to their last frame."""

    send: Callable[[Stream, bytes, Sequence[Buffer], int, bytes | None], bool]
    has_room: Callable[[int], bool]
    replenish: Callable[[Stream], None]
    want: Callable[[Stream, int], None]
    sated: Callable[[Stream], None]

    def __init__(
        self,
        application: Application[HeadT, "Connection[HeadT]"],
        limits: Limits,
        loop: asyncio.AbstractEventLoop,
        shared: Shared,
        now: Callable[[], float],
    ) -> None:
        """`now` is a clock that goes on within a turn of the loop."""
        self._application = application
        self._limits = limits
        self._loop = loop
        self._shared = shared
        hard = _HARD * limits.max_header_bytes
        self._forms = forms = Forms(application.again)
        self._reader = FrameReader(self, limits.max_frame_bytes, hard, shared.memory, limits.turn_s, now, forms.known)
        self._decoder = HeaderDecoder(application.read, hard, forms.clear)
        self._streams: dict[int, Stream] = {}
        self._forgotten = Forgotten()
        self._last = 0  # the highest stream that the client opened
        self._header_frames = HeaderFrames(hard)
        self._data: Stream | None = None  # whose DATA frame is under way
        self._data_ends = False
        self._idle = Budget(limits.max_idle_frames, limits.idle_frames_per_s, loop.time, limits.first_idle_frames)
        self._resets = Budget(limits.max_rapid_resets, limits.rapid_resets_per_s, loop.time, limits.first_rapid_resets)
        self._closing = False  # nothing that arrives is looked at any more
        self._draining = False  # no stream that is still to come is served
        self._made = self._heard = loop.time()
        self._served = False  # a stream has ended well
        self._unsent, self._unfinished = Unchanged(), Unchanged()
        self._unfinished.since(self._reader.begun, self._made)

    # ---- the connection's life

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)  # uvloop's are none by inheritance
        self._transport = transport
        self._outlet = outlet = Outlet(transport, self._loop.call_soon)
        self._sender = Sender(outlet, self._on_ended, self._idle, self._shared.unsent)
        self._credit = credit = Credit(outlet, self._limits, self._streams)
        self.send, self.has_room, self.replenish = self._sender.send, self._sender.has_room, credit.replenish
        self.want, self.sated = credit.want, credit.sated
        self._control = Control(outlet, self._sender, self._idle)
        self._widening = Widening(self._control, self._sender, self._streams, self._forms, self.reset)
        self._turns = Turns(self._reader, transport, outlet, self._shared.line, self._fail)
        self._application.connected(self)
        tls = transport.get_extra_info("ssl_object")
        if tls is not None and tls.selected_alpn_protocol() != "h2":
            self._hang_up()
            return
        self._control.greet(self._limits)

    def connection_lost(self, error: Exception | None) -> None:
        self._outlet.lose()
        self._let_go()
        self._reader.close()
        self._sender.close()
        self._widening.close()
        self._forms.clear()
        self._application.lost(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._reader.room()

    def buffer_updated(self, count: int) -> None:
        if not self._closing:
            self._heard = self._loop.time()
            self._turns.take(count)

    def pause_writing(self) -> None:
        """A client that takes nothing is not read from either: what it asks would only wait for it."""
        self._sender.pause()
        self._turns.block()

    def resume_writing(self) -> None:
        self._turns.unblock()
        self._sender.resume()

    def drain(self) -> None:
        """Tell the client to open no more streams; those that it opens before it hears of it are served."""
        if not self._closing:
            self._outlet.write(frames.goaway(MAX_WINDOW, NO_ERROR, "the server stops"))
            self._control.ask(self._on_drained)

    def _on_drained(self) -> None:
        self._outlet.write(frames.goaway(self._last, NO_ERROR, "the server stops"))
        self._drained()

    def _drained(self) -> None:
        self._draining = True
        self._forms.clear()
        self._close_if_done()

    def abort(self) -> None:
        """End it now, whatever is under way."""
        if not self._closing:
            self._outlet.write(frames.goaway(self._last, NO_ERROR, "the server has stopped"))
        self._close()

    def _close(self) -> None:
        self._let_go()
        self._outlet.shut()
        self._transport.close()

    def dismiss(self) -> None:
        """Others need its place, and it is idle: its client may come back when it has something to ask."""
        self._fail(NO_ERROR, "too_many_connections, and this one was idle")

    @property
    def busy(self) -> bool:
        return bool(self._streams)

    @property
    def standing(self) -> Standing:
        return Standing(self._served, self._heard if self._served else self._made)

    def look(self, now: float) -> None:
        """Called every few seconds: is the client still there?"""
        begun = self._header_frames.under_way or self._reader.begun
        unfinished, unsent = self._unfinished.since(begun, now), self._unsent.since(self._waiting, now)
        verdict = look(Signs(self._heard, unfinished, self._control.pinged, unsent), now, self._limits.patience_s)
        if verdict is Verdict.PING:
            self._control.ask(None, now)
        elif verdict is not Verdict.WELL:
            self._fail(NO_ERROR, f"the client is {verdict.value}")
            self._transport.abort()

    @property
    def _waiting(self) -> tuple[int, int] | None:
        """How much was sent, and how many bytes the socket does not take, where something waits for that."""
        held = self._transport.get_write_buffer_size()
        return (self._sender.num_sent, held) if held or self._sender.waits else None

    def _fail(self, code: int, why: str) -> None:
        log.debug("a connection ends: %s", why)
        if not self._closing:
            self._outlet.write(frames.goaway(self._last, code, why))
        self._hang_up()

    def _hang_up(self) -> None:
        """Look at nothing more. The client has a moment to read what was said: unread input would cut that off."""
        if not self._closing:
            self._let_go()
            self._outlet.shut()
            self._transport.pause_reading()
            if self._transport.can_write_eof():
                self._transport.write_eof()
            self._loop.call_later(_LINGER_S, self._transport.abort)

    def _let_go(self) -> None:
        """Of every stream; nothing that arrives is looked at any more."""
        self._closing = True
        self._turns.stop()
        streams = list(self._streams.values())
        self._streams.clear()
        for stream in streams:
            self._sender.drop(stream)
            stream.leave()

    def _close_if_done(self) -> None:
        if self._draining and not self._streams and not self._closing:
            self._close()

    # ---- what arrives

    def on_frame(self, kind: int, flags: int, number: int, payload: memoryview) -> None:
        if self._header_frames.under_way:
            block = self._header_frames.go_on(kind, flags, number, payload)
            if block is not None:
                self._on_block(block)
        elif not self._control.begun:
            self._control.on_frame(kind, flags, number, payload, self._streams)
        elif kind == WINDOW_UPDATE:
            self._widening.on_frame(number, payload, self._last)
        elif kind == HEADERS:
            block = self._header_frames.begin(flags, number, payload)
            if block is not None:
                self._on_block(block)
            else:
                self._forms.clear()  # what comes next is the rest of it, or a fault
        elif kind == codes.RST_STREAM:
            self._on_reset(number, payload)
        elif self._control.on_frame(kind, flags, number, payload, self._streams):
            self._drained()  # the client says goodbye

    def on_data(self, number: int, ended: bool, size: int, content: memoryview, whole: bool) -> None:
        self._data, self._data_ends = None, ended
        if self._header_frames.under_way or not self._control.begun:
            raise ConnectionFault(PROTOCOL_ERROR, "DATA where it may not be")
        self._credit.spend(size)
        stream = self._streams.get(number)
        if stream is None or stream.ended:
            self._on_late_data(number, stream)
            return
        if content:
            self._idle.give()
        elif whole and not ended:
            self._control.spend("empty_data")
        stream.credit -= size
        if stream.credit < 0:
            self.reset(stream, codes.FLOW_CONTROL_ERROR)
            return
        if not whole:
            self._data = stream
        elif ended:
            stream.ended = True
        stream.receiver.receive(content, ended and whole)
        self._forms.came(number, content, ended and whole and len(content) == size)

    def on_again(self, form: Form, number: int, parts: tuple[bytes, ...], widened: int) -> bool:
        streams, sender = self._streams, self._sender
        window = sender.first_window + form.widening
        opens = self._last < number and number & _NOT_ODD == 1 and len(streams) < self._limits.max_streams
        if not opens or window > MAX_WINDOW:
            return False
        self._last = number
        if widened:
            sender.widen(widened)
        self._credit.spend(form.data_bytes)
        streams[number] = stream = Stream(number, self, window, 0, self._heard)
        stream.ended = True
        receiver = form.begin(stream, parts)
        if number in streams:  # else it is answered already
            stream.receiver = receiver
        return True

    def on_more(self, content: memoryview, whole: bool) -> None:
        stream = self._under_way(whole)
        if stream is not None:
            stream.receiver.receive(content, whole and self._data_ends)

    def place(self, size: int) -> memoryview | None:
        stream = self._data
        return None if stream is None or stream.number not in self._streams else stream.receiver.place(size)

    def on_placed(self, count: int, whole: bool) -> None:
        stream = self._under_way(whole)
        if stream is not None:
            stream.receiver.placed(count, whole and self._data_ends)

    def _under_way(self, whole: bool) -> Stream | None:
        """The stream of the DATA frame that is not whole, if it is still there."""
        stream = self._data
        if stream is None or stream.number not in self._streams:
            return None
        if whole and self._data_ends:
            stream.ended = True
        return stream

    def _on_late_data(self, number: int, stream: Stream | None) -> None:
        if number == 0 or number > self._last or not number & 1:
            raise ConnectionFault(PROTOCOL_ERROR, f"DATA for stream {number}, which is not open")
        if stream is not None:
            self.reset(stream, STREAM_CLOSED)
        elif number not in self._forgotten:
            self._control.spend("late_data")
            self._outlet.write(frames.reset(number, STREAM_CLOSED))

    def _on_block(self, block: Block) -> None:
        number, ended, coded = block
        if number <= self._last:
            self._on_trailers(number, ended, coded)
            return
        self._last = number
        try:
            head = self._decoder.decode(coded)
            if self._draining or len(self._streams) >= self._limits.max_streams:
                raise StreamFault(codes.REFUSED_STREAM, "more streams than were agreed")
        except StreamFault as fault:
            log.debug("a stream is refused: %s", fault.why)
            self._control.spend("bad_streams")
            self._outlet.write(frames.reset(number, fault.code))
            self._forgotten.add(number)
            return
        stream = Stream(number, self, self._sender.first_window, self._limits.stream_window_bytes, self._heard)
        self._streams[number] = stream
        self._idle.give(_REPLIES)
        stream.ended = ended
        if self._decoder.keeps(coded):
            self._forms.opened(number, coded, head)
        receiver = self._application.open(stream, head)
        if number in self._streams:  # else it is answered already
            stream.receiver = receiver
            if ended:
                receiver.receive(_NOTHING, True)

    def _on_trailers(self, number: int, ended: bool, coded: bytes) -> None:
        """Headers behind a request's content: they are read for the table's sake, and mean nothing here."""
        stream = self._streams.get(number)
        with suppress(StreamFault):  # they are no request
            self._decoder.decode(coded)
        if stream is None and number not in self._forgotten:
            raise ConnectionFault(STREAM_CLOSED, f"HEADERS for stream {number}, which has ended")
        self._control.spend("trailers")
        if stream is not None and (stream.ended or not ended):
            self.reset(stream, STREAM_CLOSED if stream.ended else PROTOCOL_ERROR)
        elif stream is not None:
            stream.ended = True
            stream.receiver.receive(_NOTHING, True)

    def _on_reset(self, number: int, payload: memoryview) -> None:
        frames.read_u32(payload, "RST_STREAM")
        if number == 0 or number > self._last or not number & 1:
            raise ConnectionFault(PROTOCOL_ERROR, f"RST_STREAM for stream {number}, which is not open")
        stream = self._streams.get(number)
        if stream is None:
            self._control.spend("late_resets")
            return
        if self._loop.time() - stream.opened < _RAPID_S and not self._resets.take():
            raise ConnectionFault(codes.ENHANCE_YOUR_CALM, "too many streams are opened and reset")
        self._forget(stream)
        stream.leave()

    # ---- the end of streams

    def reset(self, stream: Stream, code: int) -> None:
        """The client did something wrong with it: that it makes the server reset it is as good as its own reset."""
        if not self._resets.take():
            raise ConnectionFault(codes.ENHANCE_YOUR_CALM, "too many streams go wrong")
        if stream.number in self._streams:
            self._outlet.write(frames.reset(stream.number, code))
            self._forget(stream)
        stream.leave()

    def _on_ended(self, stream: Stream) -> None:
        """Its last block is sent."""
        self._resets.give()
        self._served = True
        if not stream.ended:
            self._outlet.write(frames.reset(stream.number, NO_ERROR))
        stream.receiver = NOBODY  # it refers to the stream: the two would wait for the garbage collector
        self._forget(stream)

    def _forget(self, stream: Stream) -> None:
        del self._streams[stream.number]
        stream.gone = True
        if stream.unsent is not None:
            self._sender.drop(stream)
        if not stream.ended:
            self._forgotten.add(stream.number)
        if stream.wanted:
            self._credit.sated(stream)
        if self._draining:
            self._close_if_done()
