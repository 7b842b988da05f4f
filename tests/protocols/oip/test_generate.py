"""Triton's generate extension over scripted models."""

import asyncio
from typing import Any

import pytest

from headrace.errors import WorkerLost
from headrace.models.wishes import Wishes
from headrace.protocols.oip.generate import routes
from headrace.traffic.plans import Plans, Split
from headrace.types import ModelVersion
from tests.fakes_generation import BASE, ScriptedModel, publish
from tests.protocols.dialect_server import dialect_server
from tests.protocols.oip.http_server import connected
from tests.protocols.openai.server import events

TEXT = "Paris is the capital of France."
HEAD = {"model_name": "base", "model_version": "1"}
PATHS = ["/v2/models/base/generate", "/v2/models/base/versions/1/generate"]


@pytest.mark.parametrize("path", PATHS)
async def test_a_text_is_continued(path: str) -> None:
    async with dialect_server(routes) as server:
        answer = await server.ask("POST", path, {"text_input": "So: ", "id": "7"})
    assert answer.json == {**HEAD, "id": "7", "text_output": f"So: {TEXT}"}


async def test_the_prompt_may_be_left_out() -> None:
    body = {"text_input": "So: ", "parameters": {"exclude_input_in_output": True}}
    async with dialect_server(routes) as server:
        answer = await server.ask("POST", PATHS[0], body)
    assert answer.json["text_output"] == TEXT


async def test_several_choices_are_several_texts() -> None:
    body = {"text_input": "", "n": 2, "max_tokens": 1}
    async with dialect_server(routes) as server:
        assert (await server.ask("POST", PATHS[0], body)).json["text_output"] == ["Paris", "Paris"]


@pytest.mark.parametrize("path", PATHS)
async def test_a_stream_is_an_event_a_piece(path: str) -> None:
    async with dialect_server(routes) as server:
        found = await server.stream(f"{path}_stream", {"text_input": "?", "max_tokens": 2})
    assert found == [{**HEAD, "text_output": "Paris"}, {**HEAD, "text_output": " is"}]


async def test_a_split_says_which_version_answers_whole_and_as_a_stream() -> None:
    async with dialect_server(routes) as server:
        newer = ScriptedModel(BASE, "base")
        newer.version = ModelVersion("base", 2)
        publish(server.stub.registry, newer)
        server.stub.registry.wish("base", Wishes(traffic=Plans(split=Split({1: 1.0}))))
        whole = (await server.ask("POST", PATHS[0], {"text_input": ""})).json
        pieces = await server.stream(f"{PATHS[0]}_stream", {"text_input": "", "max_tokens": 2})
        named = (await server.ask("POST", "/v2/models/base/versions/2/generate", {"text_input": ""})).json
    assert [each["model_version"] for each in (whole, *pieces)] == ["1", "1", "1"]
    assert (named["model_version"], len(newer.requests)) == ("2", 1)


async def test_an_error_in_a_stream_is_its_last_event() -> None:
    async with dialect_server(routes) as server:
        server.base.fault, server.base.fault_after = WorkerLost("it died"), 1
        found = await server.stream(f"{PATHS[0]}_stream", {"text_input": "?"})
    assert found == [
        {**HEAD, "text_output": "Paris"},
        {
            "error": "it died",
            "code": "worker_lost",
            "predicted_ms": None,
            "deadline_ms": None,
        },
    ]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v2/models/nothing/generate", 404),
        ("/v2/models/base/versions/9/generate", 404),
        ("/v2/models/base/versions/x/generate", 404),
        ("/v2/models/embedder/generate", 400),
        ("/v2/models/base/generate", 400),
    ],
)
async def test_what_cannot_be_asked_is_refused(path: str, status: int) -> None:
    async with dialect_server(routes) as server:
        answer = await server.ask("POST", path, {"text_input": "?", "stream": True})
    assert answer.status == status
    assert answer.json["error"]


@pytest.mark.parametrize("path", [PATHS[0], f"{PATHS[0]}_stream"])
async def test_a_client_that_leaves_ends_its_generation(path: str) -> None:
    async with dialect_server(routes, hold=True) as server:
        async with connected(server.port) as wire:
            wire.post(path, b'{"text_input": "?"}')
            await server.base.arrived.wait()
            server.base.arrived.clear()
        await asyncio.wait_for(server.base.arrived.wait(), 5)
    assert server.base.cancelled == [server.base.requests[0].id]


async def test_pieces_come_as_the_model_makes_them() -> None:
    async with dialect_server(routes, hold=True) as server, connected(server.port) as wire:
        wire.post(f"{PATHS[0]}_stream", b'{"text_input": "?"}')
        await server.base.arrived.wait()
        server.base.step()
        first: Any = await anext(events(wire))
    assert first["text_output"] == "Paris"
