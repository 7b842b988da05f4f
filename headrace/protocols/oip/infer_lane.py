"""HTTP connections that answer inferences below ASGI: uvicorn's protocol with the infer routes cut out.

No future, task or timer per inference: it is parsed as it arrives, and the model's callback writes the answer.
Everything else of a connection goes to ASGI as uvicorn has it. Answers keep the order of their requests: while one is
awaited, later ones wait in uvicorn's own pipeline, and nothing more is read.
"""

from asyncio import TimerHandle, Transport
from typing import Any, ClassVar, cast

import httptools
import msgspec
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from headrace.errors import HeadraceError, InvalidRequest
from headrace.protocols.http_error import body_too_large, headers_too_large
from headrace.protocols.oip.common_headers import CommonHeaders
from headrace.protocols.oip.exchange import Answer, Exchange
from headrace.protocols.oip.front import Front
from headrace.protocols.oip.half_closed import CONTINUE, HalfClosed
from headrace.protocols.oip.head import Head, Repeated, head_refusal, read_head, repeated, without_expectation
from headrace.protocols.oip.patience import Patience, body_too_slow, linger
from headrace.protocols.oip.targets import Targets
from headrace.protocols.oip.unparsed import refusal_of, without_upgrade
from headrace.protocols.sse import CONNECTION
from headrace.types import Buffer, ModelRef


def lane(front: Front) -> type[HttpToolsProtocol]:
    """The connection class for `uvicorn.Config(http=...)` of the server that `front` shows."""
    return type("Lane", (InferLane,), {"front": front, "targets": Targets()})


class InferLane(HttpToolsProtocol):
    """One connection. Made by uvicorn, one class for each server (`lane`)."""

    front: ClassVar[Front]
    targets: ClassVar[Targets]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._receiving: Exchange | None = None  # whose body arrives; None for a request of ASGI's
        self._current: Exchange | None = None  # whose answer is the next to be written; None for one of ASGI's
        self._asgi: RequestResponseCycle | None = None  # that began last; later ones may wait behind it
        self._discarding = False  # nothing that still arrives is looked at
        self._stopping = False  # the server stops: what is here is the last
        self._stalled = False  # the next request waits until the client takes the answers so far
        self._in_message = self._in_body = False
        self._chunk = b""  # what arrived, where a message may begin with its first byte
        self._known: Repeated | None = None  # the last head, which may come again
        self._left = 0  # bytes of a body that are yet to come and do not go through the parser
        self._upgrading = False  # the request asks for another protocol
        self._unseen_bytes = 0  # received since the parser last gave a part of a body, or a whole request
        self._linger_timer: TimerHandle | None = None
        self._half_closed: HalfClosed | None = None
        self._common = CommonHeaders(self.server_state)

    # ---- the connection's life

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._patience = Patience(transport, self.timeout_keep_alive, self.loop, self._body_late)
        self._patience.begin()

    def connection_lost(self, exc: Exception | None) -> None:
        for waits in (self._patience, self._linger_timer, self._half_closed):
            if waits is not None:
                waits.cancel()
        for exchange in (self._current, self._receiving, *(cycle for cycle, _ in self.pipeline)):
            if isinstance(exchange, Exchange) and not exchange.response_complete:
                exchange.abandon()
        if self._asgi is not None and not self._asgi.response_complete:
            self.cycle = self._asgi  # uvicorn tells only one, and the others have not begun
        elif isinstance(self.cycle, Exchange):
            self.cycle = cast(RequestResponseCycle, None)  # uvicorn has nothing to tell it
        super().connection_lost(exc)

    def eof_received(self) -> bool:  # type: ignore[override]
        """The client sends nothing more: it may still listen for an answer that is yet to begin; TLS cannot say so."""
        cut = (self._in_message or self._left) and not self._discarding
        if cut or self._linger_timer or not self._is_unanswered() or self.scheme == "https":
            return False
        self.cycle.keep_alive = False
        version = self.parser.get_http_version()
        self._half_closed = self._half_closed or HalfClosed(self.transport, self.loop, version, self._is_unanswered)
        return True

    def _is_unanswered(self) -> bool:
        return self._current is not None or (self._asgi is not None and not self._asgi.response_started)

    def drain(self) -> None:
        """The server stops soon: what awaits its answer is the last here, and where nothing does, the next request."""
        if self._is_unanswered():
            self.shutdown()

    def shutdown(self) -> None:
        self._stopping = True
        super().shutdown()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.flow.pause_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._patience.end()
        if self._stalled:
            self._stalled = False
            self._advance()
        elif not self.pipeline:
            self.flow.resume_reading()

    # ---- what arrives

    def data_received(self, data: bytes) -> None:
        known = self._known
        if known is not None and len(data) == known.num_bytes and data.startswith(known.raw) and self._is_idle():
            self._receive_known(known, data)
            return
        rest: Buffer = data
        num_bytes = len(data)
        while rest and not self._discarding:
            if self._left:
                rest = self._take(rest)
            elif not self._in_message and (known := self._known) is not None and data.startswith(known.raw):
                rest = self._open_known(known, memoryview(rest)[len(known.raw) :])
            else:
                self._chunk = data
                self._parse(data)
                break
            data = bytes(rest)
        self._await_body(num_bytes)

    def _is_idle(self) -> bool:
        """What arrives now is the beginning of a request, and is wanted."""
        return not (self._in_message or self._left or self._discarding or self._stopping)

    def _receive_known(self, known: Repeated, data: bytes) -> None:
        """A request and nothing else, with a head that came before: most of them on most connections."""
        exchange = Exchange(self.front, known.head, self._answered)
        exchange.receive_whole(memoryview(data)[len(known.raw) :])
        self._queue(exchange)
        self._received(exchange)

    def _parse(self, data: bytes) -> None:
        while data and not self._discarding:
            self._unseen_bytes += len(data)
            try:
                self.parser.feed_data(data)
                data = b""
            except httptools.HttpParserUpgrade as upgrade:
                data = self._without_upgrade(data[upgrade.args[0] :])
            except httptools.HttpParserError as error:
                if not self._discarding:
                    self._refuse(refusal_of(error))
        if self._unseen_bytes > self.front.max_header_bytes and not self._discarding:  # what is around chunks counts
            self._refuse(headers_too_large(self.front.max_header_bytes))

    def _await_body(self, num_bytes: int) -> None:
        """So much came. Where the rest of a body is to come, the client has its time anew."""
        if (self._left or self._in_body) and not self.flow.read_paused:
            self._patience.await_body(num_bytes)

    def _body_late(self) -> None:
        if self.flow.read_paused and not self._discarding:
            self._patience.await_body(0)  # it is not the client who is awaited
        elif self._receiving is None and self.cycle.response_complete:
            self.transport.close()
        elif not self._discarding:
            self._refuse(body_too_slow())

    def _open_known(self, known: Repeated, rest: Buffer) -> Buffer:
        """A head that came before to the byte: the parser need not see this request. Returns what is behind it."""
        self._patience.end()
        if self._stopping:
            self._discarding = True
            return b""
        self._start(known.head)
        self._left = known.body_bytes
        return self._take(rest)

    def _take(self, data: Buffer) -> Buffer:
        """The next part of the body of such a request. Returns what is behind it."""
        exchange = self._receiving
        assert exchange is not None
        part = data[: self._left]
        self._left -= len(part)
        self._receive(exchange, part)
        if not (self._left or self._discarding):
            self._received(exchange)
        return data[len(part) :]

    def _receive(self, exchange: Exchange, part: Buffer) -> None:
        try:
            exchange.receive(part)
        except HeadraceError as error:
            self._refuse(error)

    def on_message_begin(self) -> None:
        self.url = b""
        self.headers = []
        self._in_body, self._in_message = False, True

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        if self._discarding:
            return
        self._patience.end()
        self._upgrading = self.parser.should_upgrade()
        if self._upgrading:
            return
        model, most, version = self.targets.get(self.url), self.front.max_header_bytes, self.parser.get_http_version()
        if version == "1.0":
            self.headers = without_expectation(self.headers)
        if self._stopping:
            self._discarding = True
        elif (error := head_refusal(self.url, self.headers, version, self._unseen_bytes, most)) is not None:
            self._refuse(error)
        elif model is not None and self.parser.get_method() == b"POST":
            self._open(model)
        else:
            self._hand_to_asgi()
        self._in_body, self._chunk = True, b""
        self.headers = []  # trailers come to on_header too, and belong to no one

    def on_body(self, body: bytes) -> None:
        self._unseen_bytes = 0
        if self._receiving is not None:
            self._receive(self._receiving, body)
        elif not self._discarding:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._unseen_bytes = 0
        self._in_body = self._in_message = False
        self._patience.end()
        if self._discarding or self._upgrading:
            return
        if self._receiving is None:
            super().on_message_complete()
        else:
            self._received(self._receiving)

    def _received(self, exchange: Exchange) -> None:
        """Its body is whole."""
        self._receiving = None
        self._patience.end()
        exchange.received = True
        if exchange.current:
            exchange.run()

    def _without_upgrade(self, rest: bytes) -> bytes:
        """The request and what follows, to be parsed again as a plain one."""
        method, version = self.parser.get_method(), self.parser.get_http_version()
        if method == b"CONNECT":
            self._refuse(InvalidRequest("CONNECT is not offered here"))
            return b""
        self.parser = httptools.HttpRequestParser(self)
        return without_upgrade(method, self.url, version, self.headers, rest)

    def _hand_to_asgi(self) -> None:
        url, headers = self.url, self.headers
        super().on_message_begin()
        known: Any = {"transport": self.transport, "flow": self.flow}
        self.scope["extensions"] = {CONNECTION: known | {"arrived_ns": self.front.clock.now_ns()}}
        self.url = url
        for name, value in headers:
            super().on_header(name, value)
        self._receiving = None
        super().on_headers_complete()
        self._end_with(self.cycle)

    def _open(self, model: ModelRef) -> None:
        keep_alive = self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()
        head, most = read_head(model, self.headers, keep_alive), self.front.max_body_bytes
        self._known = repeated(self._chunk, head, self.headers, most)
        large = int(dict(self.headers).get(b"content-length", 0)) > most
        self._start(msgspec.structs.replace(head, wants_continue=False) if large else head)
        if large:
            self._refuse(body_too_large(most))

    def _start(self, head: Head) -> Exchange:
        self._receiving = exchange = Exchange(self.front, head, self._answered)
        self._queue(exchange)
        if exchange.current and head.wants_continue:
            self.transport.write(CONTINUE)
        return exchange

    def _queue(self, exchange: Exchange) -> None:
        last, cycle = self.cycle, cast("Any", exchange)
        self.cycle = cycle
        self._end_with(exchange)
        if last is None or last.response_complete:
            exchange.current, self._current = True, exchange
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))

    def _end_with(self, newest: Exchange | RequestResponseCycle) -> None:
        if self.front.gateway.draining:
            self._stopping, newest.keep_alive = True, False

    def _begin(self, exchange: Exchange) -> None:
        """It is this one's turn."""
        if self.transport.is_closing() or exchange.disconnected:
            return
        exchange.current, self._current = True, exchange
        if exchange.received:
            exchange.run()
        elif exchange.wants_continue:
            self.transport.write(CONTINUE)

    # ---- what is refused without being read to its end

    def _refuse(self, error: HeadraceError) -> None:
        """Answer with an error in its turn, and look at nothing more that arrives."""
        self._discarding = True
        exchange, self._receiving = self._receiving, None
        if exchange is None:
            exchange = Exchange(self.front, Head(ModelRef(""), keep_alive=False), self._answered)
            if self._in_body and not self.cycle.response_complete and not self._replace_asgi(exchange):
                self.transport.close()
                return
            if not exchange.current:
                self._queue(exchange)
        exchange.keep_alive = False
        exchange.refuse(error)
        if exchange.current:
            exchange.run()

    def _replace_asgi(self, exchange: Exchange) -> bool:
        """Let it stand for ASGI's request whose body is under way; False where that is being answered."""
        if self.pipeline:
            self.pipeline.popleft()  # it has not begun, and never will
            return True
        exchange.current = self.cycle.disconnected = not self.cycle.response_started  # what it sends is not written
        self.cycle.message_event.set()
        return exchange.current

    # ---- what is answered

    def _answered(self, exchange: Exchange, answer: Answer) -> None:
        if self.transport.is_closing():
            return
        close = b"" if exchange.keep_alive else b"connection: close\r\n"
        end = b"content-length: %d\r\n%b\r\n" % (sum(map(len, answer.parts)), close)
        head = STATUS_LINE[answer.status], self._common.lines(), answer.headers, end
        self.transport.write(b"".join((*head, *answer.parts)))
        self._current = None
        self.server_state.total_requests += 1
        if not exchange.keep_alive:
            self._hang_up()
        elif self.pipeline or self.flow.read_paused or self.flow.write_paused:
            self._advance()
        else:
            self._patience.begin()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._asgi = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """ASGI has answered; called by uvicorn."""
        self.server_state.total_requests += 1
        self._advance()

    def _advance(self) -> None:
        """Go on to the next request, once the client has taken most of the answers before it."""
        if self.transport.is_closing():
            return
        if self.flow.write_paused:
            self._stalled = True
            self._patience.begin()
            return
        if not self.pipeline:
            self.flow.resume_reading()
            self._patience.begin()
            return
        cycle, app = self.pipeline.pop()
        if not self.pipeline:
            self.flow.resume_reading()  # the last one's body may still be under way
            self._await_body(0)
        if isinstance(cycle, Exchange):
            self._current = cycle
            self.loop.call_soon(self._begin, cycle)  # not at once: a thousand small ones would nest a thousand deep
        else:
            self._start_asgi_task(cycle, app)

    def _hang_up(self) -> None:
        """The last answer is written. A client that is still sending would lose it if the connection just closed."""
        if not self._discarding:
            self.transport.close()
            return
        self.flow.resume_reading()
        self._linger_timer = linger(self.transport, self.loop)
