"""A server with the Ollama routes over scripted models, and clients of it."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import msgspec
import ollama
from starlette.routing import BaseRoute

from headrace.protocols.oip.front import Front
from headrace.protocols.ollama.models import Files
from headrace.protocols.ollama.routes import routes
from tests.protocols.dialect_server import NOW_S, dialect_server, whole
from tests.protocols.openai.server import Server

USER = [{"role": "user", "content": "Which city?"}]
TEXT = "Paris is the capital of France."


def measured(path: Path) -> Files:
    return Files(1234, NOW_S)


def fixed_routes(front: Front) -> list[BaseRoute]:
    """At a time that stands still."""
    return routes(front, lambda: NOW_S, measured)


def ollama_server(hold: bool = False, **options: Any) -> AbstractAsyncContextManager[Server]:
    return dialect_server(fixed_routes, hold, **options)


def sdk(server: Server) -> ollama.AsyncClient:
    return ollama.AsyncClient(f"http://127.0.0.1:{server.port}")


async def lines(server: Server, path: str, body: Any) -> list[Any]:
    """Those of a streamed answer."""
    status, headers, answer = await whole(server.port, "POST", path, body)
    assert status == 200, answer
    assert headers["content-type"] == "application/x-ndjson"
    return [msgspec.json.decode(line) for line in answer.splitlines()]
