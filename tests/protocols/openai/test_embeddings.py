"""Embeddings as numbers and as base64."""

import base64
from typing import Any

import numpy as np
import pytest

from headrace.generation import Embed
from tests.protocols.openai.server import openai_server

PATH = "/v1/embeddings"


async def test_the_sdk_gets_vectors_as_it_asks_for_them() -> None:
    async with openai_server() as server, server.sdk() as sdk:
        answer = await sdk.embeddings.create(model="embedder", input=["a", "bc"])  # base64, as the SDK has it
        numbers = await sdk.embeddings.create(model="embedder", input="abc", encoding_format="float")
    assert [each.embedding for each in answer.data] == [[1, 1, 2, 3], [2, 1, 2, 3]]
    assert [each.index for each in answer.data] == [0, 1]
    assert numbers.data[0].embedding == [3, 1, 2, 3]
    assert answer.usage.prompt_tokens == answer.usage.total_tokens == 3


async def test_base64_is_of_little_endian_floats() -> None:
    async with openai_server() as server:
        body = {"model": "embedder", "input": "ab", "encoding_format": "base64", "dimensions": 2}
        answer = await server.ask("POST", PATH, body)
    data = base64.b64decode(answer.json["data"][0]["embedding"])
    assert np.frombuffer(data, "<f4").tolist() == [2, 1]


async def test_tokens_are_an_input_too_and_options_reach_the_engine() -> None:
    async with openai_server() as server:
        body = {"input": [[1, 2], [3]], "truncate_prompt_tokens": -1, "normalize": False, "user": "u"}
        answer = await server.ask("POST", PATH, body)
        assert server.embedder.requests[0].ask == Embed(((1, 2), (3,)), None, normalize=False, truncate=True)
    assert answer.json["model"] == "embedder"


@pytest.mark.parametrize(("given", "listed"), [("a", False), ([1, 2], False), (["a"], True), ([[1, 2]], True)])
async def test_an_input_alone_is_known_by_the_field_itself(given: Any, listed: bool) -> None:
    async with openai_server() as server:
        await server.ask("POST", PATH, {"input": given})
        ask = server.embedder.requests[0].ask
    assert isinstance(ask, Embed)
    assert (ask.where, ask.listed) == ("input", listed)


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"input": []}, "input"),
        ({"input": ""}, "input"),
        ({"input": ["a", ""]}, "input[1]"),
        ({"input": ["a"] * 2049}, "input"),
        ({"dimensions": 0}, "dimensions"),
        ({"dimensions": 5}, "dimensions"),
        ({"encoding_format": "hex"}, "encoding_format"),
        ({"truncate_prompt_tokens": 3}, "truncate_prompt_tokens"),
        ({"model": "chat"}, "model"),
        ({"inputs": "a"}, "inputs"),
    ],
)
async def test_what_is_wrong_is_refused_by_its_name(fields: dict[str, Any], where: str) -> None:
    async with openai_server() as server:
        answer = await server.ask("POST", PATH, {"model": "embedder", "input": "a"} | fields)
    assert (answer.status, answer.json["error"]["param"]) == (400, where)
