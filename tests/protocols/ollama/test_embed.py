"""Embeddings of the Ollama API."""

from typing import Any

import pytest

from headrace.generation import Embed
from tests.protocols.ollama.server import ollama_server, sdk


async def test_the_sdk_gets_a_vector_for_each_input() -> None:
    async with ollama_server() as server, sdk(server) as client:
        answer = await client.embed("embedder", ["a", "bb"], dimensions=3)
        ask = server.embedder.requests[0].ask
    assert answer.embeddings == [[1, 1, 2], [2, 1, 2]]
    assert answer.prompt_eval_count == 3
    assert ask == Embed(("a", "bb"), 3, truncate=True)


async def test_the_older_route_leaves_the_vector_as_it_is() -> None:
    async with ollama_server() as server, sdk(server) as client:
        answer = await client.embeddings("embedder", "abc")
        ask = server.embedder.requests[0].ask
    assert answer.embedding == [3, 1, 2, 3]
    assert ask == Embed(("abc",), normalize=False, truncate=True, where="prompt", listed=False)


async def test_an_input_alone_is_known_by_the_field_itself() -> None:
    async with ollama_server() as server, sdk(server) as client:
        await client.embed("embedder", "abc")
        ask = server.embedder.requests[0].ask
    assert ask == Embed(("abc",), truncate=True, listed=False)


async def test_nothing_has_no_vectors() -> None:
    async with ollama_server() as server, sdk(server) as client:
        assert (await client.embed("embedder", [])).embeddings == []
        assert (await client.embed("embedder", "")).embeddings == []
        assert (await server.ask("POST", "/api/embed", {"model": "embedder"})).json["embeddings"] == []
        assert (await client.embeddings("embedder", "")).embedding == []


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"input": ["a", ""]}, "input[1]: "),
        ({"input": ["a"] * 2049}, "input: "),
        ({"dimensions": 5}, "dimensions: "),
        ({"options": {"temperature": 0}}, "options.temperature: "),
        ({"options": {"num_thread": 4}}, "options.num_thread: "),
        ({"keep_alive": "soon"}, "keep_alive: "),
        ({"model": "chat"}, "model: "),
    ],
)
async def test_what_is_refused_is_refused_by_its_name(fields: dict[str, Any], message: str) -> None:
    async with ollama_server() as server:
        answer = await server.ask("POST", "/api/embed", {"model": "embedder", "input": "a"} | fields)
    assert answer.status == 400
    assert answer.json["error"].startswith(message)
