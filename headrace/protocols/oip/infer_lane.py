"""HTTP connections that answer inferences below ASGI: uvicorn's protocol with the infer routes cut out.

No future, task or timer per inference: it is parsed as it arrives, and the model's callback writes the answer.
Everything else of a connection goes to ASGI as uvicorn has it.
"""

from asyncio import Transport
from typing import Any, ClassVar

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from headrace.errors import HeadraceError, InvalidRequest
from headrace.protocols.http_error import body_too_large, headers_too_large
from headrace.protocols.oip.again import Again, Connection, again
from headrace.protocols.oip.exchange import Exchange
from headrace.protocols.oip.front import Front
from headrace.protocols.oip.half_closed import CONTINUE, HalfClosed
from headrace.protocols.oip.head import Head, Repeated, head_refusal, read_head, repeated, without_expectation
from headrace.protocols.oip.in_turn import InTurn
from headrace.protocols.oip.patience import Patience, body_too_slow
from headrace.protocols.oip.targets import Targets
from headrace.protocols.oip.unparsed import refusal_of, without_upgrade
from headrace.protocols.sse import CONNECTION
from headrace.types import Buffer, ModelRef


def lane(front: Front) -> type[HttpToolsProtocol]:
    """The connection class for `uvicorn.Config(http=...)` of the server that `front` shows."""
    return type("Lane", (InferLane,), {"front": front, "targets": Targets()})


class InferLane(InTurn):
    """One connection. Made by uvicorn, one class for each server (`lane`)."""

    targets: ClassVar[Targets]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._receiving: Exchange | None = None  # whose body arrives; None for a request of ASGI's
        self._in_message = self._in_body = False
        self._chunk = b""  # what arrived, where a message begins with its first byte
        self._known: Repeated | None = None  # the last head, which may come again
        self._left = 0  # bytes of a body that are yet to come and do not go through the parser
        self._upgrading = False  # the request asks for another protocol
        self._unseen_bytes = 0  # received since the parser last gave a part of a body, or a whole request
        self._half_closed: HalfClosed | None = None

    # ---- the connection's life

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._patience = Patience(transport, self.timeout_keep_alive, self.loop, self._body_late)
        self._patience.begin()

    def connection_lost(self, exc: Exception | None) -> None:
        self._patience.cancel()
        if self._half_closed is not None:
            self._half_closed.cancel()
        if self._receiving is not None and not self._receiving.response_complete:
            self._receiving.abandon()
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

    # ---- what arrives

    def data_received(self, data: bytes) -> None:
        again, self._awaited = self._awaited, None
        if again is not None and len(data) == again.num_bytes and data.startswith(again.raw):
            self._receive_again(again, data)
            return
        known = self._known
        if known is not None and len(data) == known.num_bytes and data.startswith(known.raw) and self._is_idle():
            self._receive_known(known, data)
            return
        self._nothing_came = False  # as long as it is not seen to its end
        rest: Buffer = data
        num_bytes = len(data)
        while rest and not self._discarding:
            if self._left:
                rest = self._take(rest)
            elif not self._in_message and (known := self._known) is not None and data.startswith(known.raw):
                rest = self._open_known(known, memoryview(rest)[len(known.raw) :])
            else:
                self._chunk = b"" if self._in_message else data
                self._parse(data)
                break
            data = bytes(rest)
        self._nothing_came = self._is_idle()
        self._await_body(num_bytes)

    def _is_idle(self) -> bool:
        """What arrives now is the beginning of a request, and is wanted."""
        return not (self._in_message or self._left or self._discarding or self._stopping)

    def _receive_known(self, known: Repeated, data: bytes, alone: bool = False) -> None:
        """A request and nothing else, with a head that came before: most of them on most connections."""
        exchange = Exchange(self.front, known.head, self._answered)
        exchange.receive_whole(memoryview(data)[len(known.raw) :], alone)
        self._nothing_came = True
        self._queue(exchange)
        self._received(exchange)
        if exchange.current and not (alone or (self._again is not None and data.startswith(self._again.raw))):
            way = Connection(self._write, self._common.success, self._answered, self._replace)
            self._again = again(self.front, known, data, way)

    def _receive_again(self, again: Again, data: bytes) -> None:
        if again.hold(data):
            cycle: Any = again
            self.cycle = self._current = cycle
            self._nothing_came = True
            self._patience.end()
        else:
            self._receive_known(again.known, data, alone=True)

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

    def _read_on(self) -> None:
        super()._read_on()
        self._await_body(0)

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
        exchange = self._start(head)
        refusal = body_too_large(most) if large else exchange.hopeless()
        if refusal is not None:
            self._refuse(refusal)
        elif exchange.current and exchange.wants_continue:
            self.transport.write(CONTINUE)

    def _start(self, head: Head) -> Exchange:
        self._receiving = exchange = Exchange(self.front, head, self._answered)
        self._queue(exchange)
        return exchange

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
