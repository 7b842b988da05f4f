"""A real HTTP server in the test's own event loop, over the stub; and a client that writes and reads bare bytes."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, cast

import uvicorn
from starlette.routing import BaseRoute
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from headrace.protocols.oip.browser_lane import lane_of
from headrace.protocols.oip.routes import create_app
from tests.protocols.oip.stub import Stub


@asynccontextmanager
async def serving(
    stub: Stub, with_lane: bool = True, more: Sequence[BaseRoute] = (), **options: Any
) -> AsyncIterator[tuple[int, uvicorn.Server]]:
    """The server's port, and the server itself."""
    settings = {"lifespan": "off", "ws": "none", "access_log": False, "log_config": None, **options}
    http = lane_of(stub.front) if with_lane else "httptools"
    server = uvicorn.Server(uvicorn.Config(create_app(stub.front, more), http=http, **settings))
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        await server.startup([listener])
        await server.on_tick(0)  # sets the default headers
        try:
            yield listener.getsockname()[1], server
        finally:
            await _stop(server)


async def _stop(server: uvicorn.Server) -> None:
    """As uvicorn's own shutdown, which polls every 100 ms, but at once."""
    for listening in server.servers:
        listening.close()
    for connection in list(server.server_state.connections):
        cast(HttpToolsProtocol, connection).transport.abort()
    while server.server_state.connections:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0)


class Answered(NamedTuple):
    """An HTTP answer as it came."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """One connection to the server, bytes in and out."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    def post(self, path: str, body: bytes = b"", **headers: str) -> None:
        self.send(request_bytes("POST", path, body, **headers))

    async def answer(self) -> Answered:
        head = await self.reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")[:-2]
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        if first.split()[1] == "100":
            return Answered(100, headers, b"")
        body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return Answered(int(first.split()[1]), headers, body)

    async def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answered:
        self.send(request_bytes(method, path, body, **headers))
        return await self.answer()

    async def closed(self) -> bool:
        """Wait for the server to close; whether it said nothing more before."""
        return await self.reader.read() == b""


def request_bytes(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """A request; header names have `_` for `-`."""
    lines = {"Host": "localhost", "Content-Length": str(len(body))} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Wire]:
    """A connection that is closed afterwards."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()
        try:
            await writer.wait_closed()
        except ConnectionError:
            pass
