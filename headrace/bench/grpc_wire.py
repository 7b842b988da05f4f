"""Unary calls of gRPC over a few connections of HTTP/2, as cheap as Python allows. Knows no messages."""

import asyncio
import ssl
from collections import deque
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote

from headrace.bench.address import Address
from headrace.bench.batch_facts import batch_of
from headrace.bench.connecting import connect, reason, told_within
from headrace.bench.http2_connection import Fields, Http2Connection
from headrace.bench.http2_frames import plain_headers
from headrace.bench.samples import BROKEN, Answer
from headrace.bench.wire import Cancel, Done, Outgoing

_CODES = (
    "OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED "
    "RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS "
    "UNAUTHENTICATED"
)
CODES = _CODES.split()
RESETS = {7: "UNAVAILABLE", 8: "CANCELLED", 11: "RESOURCE_EXHAUSTED", 12: "PERMISSION_DENIED"}
"""What gRPC calls the codes with which a stream is reset."""
SHED = frozenset(("RESOURCE_EXHAUSTED", "UNAVAILABLE", "DEADLINE_EXCEEDED"))


class Called(NamedTuple):
    """An answer that is wanted whole."""

    code: str
    note: str
    message: bytes


class GrpcWire:
    """Calls go to the connection with the fewest; another is opened where all are full. Owned by whoever closes it."""

    def __init__(self, address: Address, most: int, tls: ssl.SSLContext | None = None, connect_s: float = 5.0) -> None:
        self._address = address
        self._most = most
        self._connect_s = connect_s
        self._tls: ssl.SSLContext | None = None
        if address.tls:
            self._tls = tls or ssl.create_default_context()
            self._tls.set_alpn_protocols(["h2"])
        self._connections: list[Http2Connection] = []
        self._opening: asyncio.Task[None] | None = None
        self._waiting: deque[_Call] = deque()
        self._closed = False
        self.held_back = 0

    def send(self, request: Outgoing, done: Done) -> Cancel:
        """`head` is a block of headers, `body` a framed message; `done` is told once."""
        return self._start(_Call(request.head, request.body, done))

    async def call(self, head: bytes, message: bytes, limit_s: float = 30.0) -> Called:
        """One answer, whole. Raises ConnectionError where there is none."""
        told: asyncio.Future[Called] = asyncio.get_running_loop().create_future()
        return await told_within(limit_s, told, self._start(_Whole(head, message, told)))

    async def close(self) -> None:
        self._closed = True
        self._waiting.clear()
        if self._opening:
            self._opening.cancel()
            await asyncio.gather(self._opening, return_exceptions=True)
        for connection in list(self._connections):
            connection.abort()

    def _start(self, call: "_Call") -> Cancel:
        connection = self._free()
        if connection and not self._waiting:
            call.begin(connection)
        else:
            self.held_back += len(self._connections) >= self._most
            self._waiting.append(call)
            self._open_more()
        return call.cancel

    def _free(self) -> Http2Connection | None:
        free = [each for each in self._connections if each.usable and each.in_flight < each.most]
        if len(free) > 1:
            return min(free, key=lambda each: each.in_flight)
        return free[0] if free else None

    def _open_more(self) -> None:
        if self._opening is None and self._waiting and len(self._connections) < self._most and not self._closed:
            self._opening = asyncio.get_running_loop().create_task(self._open())
            self._opening.add_done_callback(self._opened)

    def _opened(self, _: asyncio.Task[None]) -> None:
        self._opening = None
        self._serve_waiting()

    async def _open(self) -> None:
        try:
            await connect(lambda: Http2Connection(self._room, self._gone), self._address, self._tls, self._connect_s)
        except OSError as error:
            if not self._connections:
                waiting, self._waiting = self._waiting, deque()
                for call in waiting:
                    call.lose(reason(error))

    def _room(self, connection: Http2Connection) -> None:
        if connection not in self._connections:
            self._connections.append(connection)
        if self._waiting:
            self._serve_waiting()

    def _serve_waiting(self) -> None:
        while self._waiting and (free := self._free()):
            call = self._waiting.popleft()
            if not call.cancelled:
                call.begin(free)
        self._open_more()

    def _gone(self, connection: Http2Connection) -> None:
        if connection in self._connections:
            self._connections.remove(connection)
        self._open_more()


class _Call:
    """A call on its way, and what has come of its answer."""

    __slots__ = ("_connection", "_stream", "cancelled", "done", "fields", "head", "message")

    def __init__(self, head: bytes, message: bytes, done: Done | None) -> None:
        self.head = head
        self.message = message
        self.done = done
        self.fields: Fields = {}
        self.cancelled = False
        self._connection: Http2Connection | None = None
        self._stream = 0

    def begin(self, connection: Http2Connection) -> None:
        self._connection = connection
        self._stream = connection.begin(self.head, self.message, self)

    def cancel(self) -> None:
        self.cancelled = True
        if self._connection:
            self._connection.cancel(self._stream)
            self._connection = None

    def headers(self, fields: Fields) -> None:
        self.fields = {**self.fields, **fields} if self.fields else fields

    def piece(self, content: bytes) -> None:
        """Only the status counts."""

    def end(self) -> None:
        self._connection = None
        code, note = status_of(self.fields)
        if self.done is None:
            return
        if code == "OK":
            fields = self.fields
            self.done(Answer("answered", "OK", "", batch_of(lambda name: fields.get(name, b""))))
        else:
            self.done(Answer("shed" if code in SHED else "error", code, note))

    def reset(self, code: int) -> None:
        self._connection = None
        said = RESETS.get(code, "INTERNAL")
        if self.done:
            self.done(Answer("shed" if said in SHED else "error", said, f"the stream was reset with code {code}"))

    def lose(self, why: str) -> None:
        self._connection = None
        if not self.cancelled and self.done:
            self.done(Answer("error", BROKEN, why) if self.fields else Answer("lost", why))


class _Whole(_Call):
    __slots__ = ("_content", "_told")

    def __init__(self, head: bytes, message: bytes, told: "asyncio.Future[Called]") -> None:
        super().__init__(head, message, None)
        self._content = bytearray()
        self._told = told

    def piece(self, content: bytes) -> None:
        self._content += content

    def end(self) -> None:
        if not self._told.done():
            self._told.set_result(Called(*status_of(self.fields), bytes(self._content[5:])))

    def reset(self, code: int) -> None:
        self.lose(f"the stream was reset with code {code}")

    def lose(self, why: str) -> None:
        if not self._told.done():
            self._told.set_exception(ConnectionError(why))


def call_head(address: Address, method: str, metadata: Mapping[str, str]) -> bytes:
    """The block of headers of a call; good for any number of them."""
    return plain_headers(
        [
            (":method", "POST"),
            (":scheme", "https" if address.tls else "http"),
            (":path", method),
            (":authority", address.netloc),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            ("user-agent", "headrace-bench"),
            *((name.lower(), value) for name, value in metadata.items()),
        ]
    )


def framed(message: bytes) -> bytes:
    """A message with the five bytes that gRPC puts before it."""
    return b"\0" + len(message).to_bytes(4, "big") + message


def status_of(fields: Fields) -> tuple[str, str]:
    """The code and the words of an answer's trailers; of HTTP where there are none."""
    status = fields.get(b"grpc-status", b"")
    if not status.isdigit():
        return "UNAVAILABLE" if fields.get(b":status") in (b"429", b"502", b"503", b"504") else "UNKNOWN", (
            f"HTTP status {fields.get(b':status', b'?').decode(errors='replace')}, and no grpc-status"
        )
    number = int(status)
    code = CODES[number] if number < len(CODES) else "UNKNOWN"
    return code, unquote(fields.get(b"grpc-message", b"").decode(errors="replace"))[:300]
