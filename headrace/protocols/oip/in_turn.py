"""HTTP connections on which inferences are answered below ASGI, beside requests of ASGI's, each in its turn.

Answers keep the order of their requests: while one is awaited, later ones wait in uvicorn's own pipeline, and nothing
more is read.
"""

from asyncio import TimerHandle
from typing import Any, ClassVar, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from headrace.large_memory import joined
from headrace.protocols.oip.again import Again
from headrace.protocols.oip.common_headers import CommonHeaders
from headrace.protocols.oip.exchange import Answer, Exchange
from headrace.protocols.oip.front import Front
from headrace.protocols.oip.half_closed import CONTINUE
from headrace.protocols.oip.patience import Patience, linger
from headrace.types import Buffer

LARGE_BYTES = 256 << 10  # of an answer: as one piece it would be copied for as long as it takes to write it in parts


class InTurn(HttpToolsProtocol):
    """One connection's requests, from the moment that their heads are read until they are answered."""

    front: ClassVar[Front]
    _patience: Patience

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._current: Exchange | Again | None = None  # whose answer is the next to be written; None for one of ASGI's
        self._asgi: RequestResponseCycle | None = None  # that began last; later ones may wait behind it
        self._again: Again | None = None  # the last request, which may come again
        self._awaited: Again | None = None  # the same, where nothing else is under way
        self._nothing_came = False  # of the request behind the last
        self._discarding = False  # nothing that still arrives is looked at
        self._stopping = False  # the server stops: what is here is the last
        self._answer_bytes = 0  # of the last answer: it is held as a whole while some of it waits
        self._untaken = 0  # bytes that wait for the client, as they were counted
        self._stalled = False  # the next request waits until the client takes the answers so far
        self._linger_timer: TimerHandle | None = None
        self._common = CommonHeaders(self.server_state)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._linger_timer is not None:
            self._linger_timer.cancel()
        for exchange in (self._current, *(cycle for cycle, _ in self.pipeline)):
            if isinstance(exchange, Exchange | Again) and not exchange.response_complete:
                exchange.abandon()
        if self._asgi is not None and not self._asgi.response_complete:
            self.cycle = self._asgi  # uvicorn tells only one, and the others have not begun
        elif isinstance(self.cycle, Exchange | Again):
            self.cycle = cast(RequestResponseCycle, None)  # uvicorn has nothing to tell it
        self._again = self._awaited = None  # it knows this connection
        self._count_untaken(0)
        super().connection_lost(exc)

    def _is_unanswered(self) -> bool:
        return self._current is not None or (self._asgi is not None and not self._asgi.response_started)

    def drain(self) -> None:
        """The server stops soon: what awaits its answer is the last here, and where nothing does, the next request."""
        if self._is_unanswered():
            self.shutdown()

    def shutdown(self) -> None:
        self._stopping, self._awaited = True, None
        super().shutdown()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.flow.pause_reading()
        self._count_untaken(max(self._answer_bytes, self.transport.get_write_buffer_size()))

    def resume_writing(self) -> None:
        super().resume_writing()
        self._count_untaken(0)
        self._patience.end()
        if self._stalled:
            self._stalled = False
            self._advance()
        elif not self.pipeline:
            self.flow.resume_reading()

    def _count_untaken(self, num_bytes: int) -> None:
        self._untaken = self.front.untaken.waits(self._untaken, num_bytes)

    # ---- its turn

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

    def _replace(self, exchange: Exchange) -> None:
        """It stands from now on for what was to be asked with others."""
        cycle: Any = exchange
        self._current = exchange
        if isinstance(self.cycle, Again):
            self.cycle = cycle

    # ---- what is answered

    def _answered(self, exchange: Exchange, answer: Answer) -> None:
        close = b"" if exchange.keep_alive else b"connection: close\r\n"
        size = sum(map(len, answer.parts))
        end = b"content-length: %d\r\n%b\r\n" % (size, close)
        head = STATUS_LINE[answer.status], self._common.lines(), answer.headers, end
        if size > LARGE_BYTES and (own := [part for part in answer.parts if isinstance(part, bytes)]) == answer.parts:
            self._write_parts([*head, *own], exchange.keep_alive)
        else:
            self._write(joined((*head, *answer.parts)), exchange.keep_alive)

    def _write(self, answer: Buffer, keep_alive: bool = True) -> None:
        """The current one's answer, after which the connection ends or goes on."""
        if self.transport.is_closing():
            return
        self._answer_bytes = len(answer)
        self.transport.write(answer)
        self._over(keep_alive)

    def _write_parts(self, parts: list[bytes], keep_alive: bool) -> None:
        """The same of a large one that lies in memory of its own: all others would wait while it is copied."""
        if self.transport.is_closing():
            return
        self._answer_bytes = sum(map(len, parts))
        self.transport.writelines(parts)
        self._over(keep_alive)

    def _over(self, keep_alive: bool) -> None:
        """The current one is answered."""
        self._current = None
        self.server_state.total_requests += 1
        if not keep_alive:
            self._hang_up()
        elif self.pipeline or self.flow.read_paused or self.flow.write_paused:
            self._advance()
        else:
            self._patience.begin()
            self._awaited = self._again if self._nothing_came else None

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
            self._read_on()  # the last one's body may still be under way
        if isinstance(cycle, Exchange):
            self._current = cycle
            self.loop.call_soon(self._begin, cycle)  # not at once: a thousand small ones would nest a thousand deep
        else:
            self._start_asgi_task(cycle, app)

    def _read_on(self) -> None:
        """Nothing waits behind what is answered now."""
        self.flow.resume_reading()

    def _hang_up(self) -> None:
        """The last answer is written. A client that is still sending would lose it if the connection just closed."""
        if not self._discarding:
            self.transport.close()
            return
        self.flow.resume_reading()
        self._linger_timer = linger(self.transport, self.loop)
