"""A server with the routes of one dialect over scripted models."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from starlette.routing import BaseRoute

from headrace.protocols.oip.front import Front
from tests.protocols.oip.http_server import connected, request_bytes, serving
from tests.protocols.openai.server import Server, encoded

NOW_S = 1_700_000_000.0


@asynccontextmanager
async def dialect_server(
    routes: Callable[[Front], list[BaseRoute]], hold: bool = False, with_lane: bool = True, **limits: Any
) -> AsyncIterator[Server]:
    """It runs in the test's own event loop."""
    server = Server(hold, **limits)
    async with serving(server.stub, with_lane, routes(server.stub.front)) as (port, _):
        server.port = port
        yield server


async def whole(
    port: int, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and the whole body of an answer, streamed or not."""
    async with connected(port) as wire:
        wire.send(request_bytes(method, path, encoded(body), Connection="close", **(headers or {})))
        head, _, rest = (await wire.reader.read()).partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    answered = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    joined = _joined(rest) if answered.get("transfer-encoding") == "chunked" else rest
    return int(first.split()[1]), answered, joined


def _joined(chunked: bytes) -> bytes:
    found = b""
    while True:
        size, _, chunked = chunked.partition(b"\r\n")
        if not int(size, 16):
            return found
        found += chunked[: int(size, 16)]
        chunked = chunked[int(size, 16) + 2 :]
