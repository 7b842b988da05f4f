"""A server with the OpenAI routes over scripted models, and clients of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import openai

from headrace.protocols.openai.routes import routes
from tests.fakes_generation import BASE, EMBEDDER, THINKER, ScriptedModel, publish
from tests.protocols.oip.http_server import Answered, Wire, connected, serving
from tests.protocols.oip.stub import Stub


class Server:
    """The models `chat`, `base`, `thinker` and `embedder`, and the stub's, which are none of language."""

    def __init__(self, hold: bool = False, **limits: Any) -> None:
        self.stub = Stub(**limits)
        self.chat = ScriptedModel(hold=hold)
        self.base = ScriptedModel(BASE, "base", hold)
        self.thinker = ScriptedModel(THINKER, "thinker", hold)
        self.embedder = ScriptedModel(EMBEDDER, "embedder", hold)
        self.port = 0
        publish(self.stub.registry, self.chat, self.base, self.thinker, self.embedder)

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answered:
        """One request on a connection of its own; the body as JSON, or as bytes."""
        async with connected(self.port) as wire:
            return await wire.ask(method, path, encoded(body), **headers)

    async def stream(self, path: str, body: Any) -> list[Any]:
        """The events of a streamed answer, the last of which is the word [DONE]."""
        async with connected(self.port) as wire:
            wire.post(path, encoded(body))
            return [event async for event in events(wire)]

    def sdk(self) -> openai.AsyncOpenAI:
        return openai.AsyncOpenAI(base_url=f"http://127.0.0.1:{self.port}/v1", api_key="none", max_retries=0)


@asynccontextmanager
async def openai_server(hold: bool = False, with_lane: bool = True, **limits: Any) -> AsyncIterator[Server]:
    """It runs in the test's own event loop."""
    server = Server(hold, **limits)
    async with serving(server.stub, with_lane, routes(server.stub.front, lambda: 1_700_000_000.0)) as (port, _):
        server.port = port
        yield server


async def events(wire: Wire) -> AsyncIterator[Any]:
    """The events of a streamed answer as they come, to the end of its last chunk."""
    head = await wire.reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    assert b"text/event-stream" in head
    data = b""
    while size := int(await wire.reader.readline(), 16):
        data += await wire.reader.readexactly(size)
        await wire.reader.readexactly(2)
        *whole, data = data.split(b"\n\n")
        for each in whole:
            text = each.removeprefix(b"data: ")
            yield "[DONE]" if text == b"[DONE]" else msgspec.json.decode(text)
    await wire.reader.readexactly(2)
    assert not data


def encoded(body: Any) -> bytes:
    if body is None:
        return b""
    return body if isinstance(body, bytes) else msgspec.json.encode(body)


USER = [{"role": "user", "content": "Which city?"}]
