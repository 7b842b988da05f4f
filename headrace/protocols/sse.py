"""An answer that is written as its pieces come: server-sent events, or lines.

Where the connection is headrace's own, a piece goes from the model's callback straight into the transport, in the same
turn of the event loop and without waking a task. A client that reads slowly has its pieces kept here, up to a limit;
then it is cut off, so that it costs nobody else anything.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.flow_control import FlowControl

from headrace.errors import HeadraceError
from headrace.servable import Cancel

CONNECTION = "headrace.connection"
"""The extension of the ASGI scope that holds `transport` and `flow` of the connection, and when the head was read."""

_encode = msgspec.json.Encoder().encode

PATIENCE_S = 60.0  # with a client that takes nothing
MAX_UNSENT_BYTES = 256 << 10  # kept for a client that reads slowly, besides what the system's sockets hold

LINE_ENDS = ((b"\xc2\x85", rb"\u0085"), (b"\xe2\x80\xa8", rb"\u2028"), (b"\xe2\x80\xa9", rb"\u2029"))
"""What some readers take for the end of a line (httpx, in Ollama's SDK), and how JSON says it in other words."""

DONE = b"data: [DONE]\n\n"
"""The end of OpenAI's streams."""


def one_line(value: object) -> bytes:
    """A value's JSON, in which nobody finds the end of a line."""
    encoded = _encode(value)
    if not encoded.isascii():
        for end, escaped in LINE_ENDS:
            if end in encoded:
                encoded = encoded.replace(end, escaped)
    return encoded


def event(value: object) -> bytes:
    """A value as one event without a name."""
    return b"data: %b\n\n" % one_line(value)


def named_event(name: str, value: object) -> bytes:
    """A value as one event with a name."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), one_line(value))


class Pipe:
    """Where a streamed answer is written; owned by its `Streamed`. All calls come on the event loop."""

    def __init__(self) -> None:
        self.over = False  # nothing more is written: it has ended, or nobody reads it
        self.failed: HeadraceError | None = None  # before anything was written
        self.wake = asyncio.Event()  # the task that sends has something to do
        self.headers: dict[str, str] = {}  # that the answer's first piece tells, besides those known before it
        self.unsent: list[bytes] = []
        self.direct: Callable[[bytes], bool] = _not_direct  # writes at once, or says that it cannot
        self.overflow: Callable[[], None] = _ignore  # the client is too slow
        self._unsent_bytes = 0

    def write(self, data: bytes) -> None:
        """Send a piece, now or as soon as the client takes it."""
        if self.over or not data or (not self.unsent and self.direct(data)):
            return
        self.unsent.append(data)
        self._unsent_bytes += len(data)
        self.wake.set()
        if self._unsent_bytes > MAX_UNSENT_BYTES and len(self.unsent) > 1:
            self.end()
            self.overflow()

    def end(self) -> None:
        """The last piece was written."""
        self.over = True
        self.wake.set()

    def fail(self, error: HeadraceError) -> None:
        """Nothing was written, and this is why: the client gets an ordinary refusal."""
        self.failed = error
        self.end()

    def take(self) -> bytes:
        """What is unsent; from now on it is the caller's to send."""
        data = b"".join(self.unsent)
        self.unsent.clear()
        self._unsent_bytes = 0
        return data


class Streamed(Response):
    """Starts what writes into a pipe, and sends it until it ends or the client is gone; then cancels it.

    The status goes out with the first piece. Raises what the pipe failed with before that.
    """

    def __init__(
        self,
        start: Callable[[Pipe], Cancel],
        media_type: str = "text/event-stream",
        headers: Mapping[str, str] | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.status_code = 200
        self.media_type = media_type
        self.background = None
        self.init_headers({"cache-control": "no-cache", "x-accel-buffering": "no", **(headers or {})})
        self._start = start
        self._patience_s = patience_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        pipe = Pipe()
        cancel = self._start(pipe)
        watch = asyncio.create_task(_until_gone(receive, pipe))
        try:
            await _next(pipe)
            if pipe.failed is not None:
                raise pipe.failed
            if pipe.unsent:
                await self._send(pipe, scope.get("extensions", {}).get(CONNECTION), send, cancel)
        finally:
            pipe.over = True
            cancel()
            watch.cancel()

    async def _send(self, pipe: Pipe, connection: Mapping[str, Any] | None, send: Send, cancel: Cancel) -> None:
        def cut_off() -> None:
            cancel()
            if connection:
                connection["transport"].abort()

        async def body(data: bytes, more: bool) -> None:
            stalled = connection and connection["flow"].write_paused
            async with asyncio.timeout(self._patience_s if stalled else None):
                await send({"type": "http.response.body", "body": data, "more_body": more})

        pipe.overflow = cut_off
        headers = [*self.raw_headers, *((name.encode(), value.encode()) for name, value in pipe.headers.items())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        try:
            while pipe.unsent or not pipe.over:
                pipe.direct = _not_direct  # while older pieces are on their way
                while pipe.unsent:
                    await body(pipe.take(), more=True)
                if connection:
                    pipe.direct = partial(_write, pipe, connection["transport"], connection["flow"])
                await _next(pipe)
            await body(b"", more=False)
        except TimeoutError:
            cut_off()


async def until_gone(receive: Receive) -> None:
    """Wait until the client has closed the connection, or the answer is complete."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _until_gone(receive: Receive, pipe: Pipe) -> None:
    await until_gone(receive)
    pipe.end()


async def _next(pipe: Pipe) -> None:
    """Wait for a piece that is to be sent, or the end."""
    if not pipe.over:
        await pipe.wake.wait()
    pipe.wake.clear()


def _write(pipe: Pipe, transport: asyncio.Transport, flow: FlowControl, data: bytes) -> bool:
    """As a chunk of HTTP/1.1; what a closed connection is given is lost, as it would be on the way."""
    if flow.write_paused:
        return False
    if transport.is_closing():
        pipe.end()
        return True
    transport.write(b"%x\r\n%b\r\n" % (len(data), data))
    return True


def _not_direct(data: bytes) -> bool:
    return False


def _ignore() -> None:
    """Before the answer has begun there is nobody to be slow."""
