"""HTTP/1.1 over persistent connections, as cheap as Python allows: encoded requests out, answers cut by hand."""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from headrace.bench.address import Address
from headrace.bench.batch_facts import batch_of
from headrace.bench.connecting import connect, reason, told_within
from headrace.bench.http_answer import AnswerReader, NotHttp, Sink, header
from headrace.bench.samples import BROKEN, Answer, Batch, Verdict
from headrace.bench.wire import Cancel, Done, Outgoing

SHED = frozenset((429, 503, 504))
_NOTE_BYTES = 2048
_OUTPUTS = b'"outputs"'


class Fetched(NamedTuple):
    """An answer that is wanted whole."""

    status: int
    head: bytes
    body: bytes


SinkOf = Callable[[Done], Sink]


class HttpWire:
    """Connections to one address; the fewest that the load needs are used. Owned by whoever closes it."""

    def __init__(
        self,
        address: Address,
        most: int,
        sink: SinkOf | None = None,
        tls: ssl.SSLContext | None = None,
        connect_s: float = 5.0,
    ) -> None:
        self._address = address
        self._most = most
        self._sink = sink or InferSink
        self._connect_s = connect_s
        self._tls = (tls or ssl.create_default_context()) if address.tls else None
        self._idle: list[_Connection] = []
        self._waiting: deque[_Job] = deque()
        self._all: set[_Connection] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._closed = False
        self.held_back = 0

    def send(self, request: Outgoing, done: Done) -> Cancel:
        """Send head and body; `done` is told once. Cancelling closes the connection."""
        return self._start(_Job(request.head + request.body if request.body else request.head, self._sink(done), done))

    async def fetch(self, head: bytes, body: bytes = b"", limit_s: float = 30.0) -> Fetched:
        """One answer, whole. Raises ConnectionError where there is none."""
        told: asyncio.Future[Fetched] = asyncio.get_running_loop().create_future()

        def failed(answer: Answer) -> None:
            if not told.done():
                told.set_exception(ConnectionError(answer.note or answer.said))

        return await told_within(limit_s, told, self._start(_Job(head + body, _Whole(told), failed)))

    async def close(self) -> None:
        self._closed = True
        self._waiting.clear()
        opening = list(self._opening)
        for task in opening:
            task.cancel()
        await asyncio.gather(*opening, return_exceptions=True)
        for connection in list(self._all):
            connection.abort()

    def _start(self, job: "_Job") -> Cancel:
        if self._idle:
            self._idle.pop().begin(job)
        else:
            self.held_back += len(self._all) >= self._most
            self._waiting.append(job)
            self._open_more()
        return job.cancel

    def _open_more(self) -> None:
        if len(self._opening) < len(self._waiting) and len(self._all) + len(self._opening) < self._most:
            task = asyncio.get_running_loop().create_task(self._open())
            self._opening.add(task)
            task.add_done_callback(self._opened)

    def _opened(self, task: asyncio.Task[None]) -> None:
        self._opening.discard(task)
        if not self._closed:
            self._open_more()

    async def _open(self) -> None:
        try:
            await connect(lambda: _Connection(self._free, self._gone), self._address, self._tls, self._connect_s)
        except OSError as error:
            if self._waiting:
                self._waiting.popleft().lose(reason(error))

    def _free(self, connection: "_Connection") -> None:
        """A connection is new, or its answer is whole."""
        self._all.add(connection)
        while self._waiting:
            job = self._waiting.popleft()
            if not job.cancelled:
                connection.begin(job)
                return
        self._idle.append(connection)

    def _gone(self, connection: "_Connection") -> None:
        self._all.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        if not self._closed and self._waiting:
            self._open_more()


class _Job:
    """A request on its way: who is told of its answer, and of its loss."""

    __slots__ = ("cancelled", "connection", "content", "done", "sink")

    def __init__(self, content: bytes, sink: Sink, done: Done) -> None:
        self.content = content
        self.sink = sink
        self.done = done
        self.connection: _Connection | None = None
        self.cancelled = False

    def cancel(self) -> None:
        """Nobody waits any more: so the connection is closed, which tells the server."""
        self.cancelled = True
        if self.connection:
            self.connection.abort()

    def lose(self, said: str) -> None:
        """No answer came."""
        if not self.cancelled:
            self.done(Answer("lost", said))

    def break_off(self, said: str) -> None:
        """An answer had begun: there is a server."""
        if not self.cancelled:
            self.done(Answer("error", BROKEN, said))


class _Connection(asyncio.Protocol):
    """One answer at a time."""

    def __init__(self, free: Callable[["_Connection"], None], gone: Callable[["_Connection"], None]) -> None:
        self._free = free
        self._gone = gone
        self._reader = AnswerReader()
        self._job: _Job | None = None

    def begin(self, job: _Job) -> None:
        self._job = job
        job.connection = self
        self._reader.sink = job.sink
        self._transport.write(job.content)

    def abort(self) -> None:
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._free(self)

    def data_received(self, data: bytes) -> None:
        if self._job is None:
            self._transport.abort()  # it speaks without being asked
            return
        try:
            self._reader.feed(data)
        except NotHttp as error:
            self._lose(f"not HTTP: {error}")
            self._transport.abort()
            return
        if self._reader.sink is None:
            self._job.connection = None
            self._job = None
            if self._reader.keeps:
                self._free(self)
            else:
                self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        try:
            self._reader.closed()
        except NotHttp as closed:
            self._lose(reason(error) if isinstance(error, OSError) else str(closed))
        self._gone(self)

    def _lose(self, said: str) -> None:
        job, self._job = self._job, None
        self._reader.sink = None
        if job:
            job.connection = None
            if self._reader.begun:
                job.break_off(said)
            else:
                job.lose(said)


class InferSink:
    """An answer of which the status and the server's own times are wanted, and that it has outputs, not which.

    Their name stands before all their data, in JSON and before binary tensors, so that little is looked at.
    """

    __slots__ = ("_batch", "_body", "_done", "_has_outputs", "_last", "_status")

    def __init__(self, done: Done) -> None:
        self._done = done
        self._status = 0
        self._batch: Batch | None = None
        self._body = b""
        self._last = b""  # of the piece before, where a name may have begun
        self._has_outputs = False

    def head(self, status: int, head: bytes) -> None:
        self._status = status
        if status == 200:
            self._has_outputs = b"\r\ncontent-encoding:" in head  # compressed, which nobody looks into
            if b"\r\nx-" in head:
                self._batch = batch_of(lambda name: header(head, name))

    def piece(self, body: bytes) -> None:
        if self._has_outputs:
            return
        if self._status == 200:
            seen = self._last + body if self._last else body
            self._has_outputs = _OUTPUTS in seen
            self._last = b"" if self._has_outputs else seen[1 - len(_OUTPUTS) :]
        if not self._has_outputs and len(self._body) < _NOTE_BYTES:
            self._body += body[:_NOTE_BYTES]

    def end(self) -> None:
        if self._has_outputs:
            self._done(Answer("answered", "200", "", self._batch))
        elif self._status == 200:
            self._done(Answer("error", "200 without outputs", words(self._body)))
        else:
            self._done(Answer(verdict_of(self._status), str(self._status), words(self._body)))


class _Whole:
    def __init__(self, told: "asyncio.Future[Fetched]") -> None:
        self._told = told
        self._status = 0
        self._head = b""
        self._body = bytearray()

    def head(self, status: int, head: bytes) -> None:
        self._status, self._head = status, head

    def piece(self, body: bytes) -> None:
        self._body += body

    def end(self) -> None:
        if not self._told.done():
            self._told.set_result(Fetched(self._status, self._head, bytes(self._body)))


def verdict_of(status: int) -> Verdict:
    """What a status of HTTP says became of a request."""
    return "answered" if status == 200 else "shed" if status in SHED else "error"


def words(body: bytes) -> str:
    """The beginning of a refusal's body, on one line."""
    return " ".join(body[:300].decode(errors="replace").split())
