"""Chats of the Ollama API, whole and a line a piece, for the SDK and to the byte."""

import asyncio
from typing import Any

import ollama
import pytest

from headrace.errors import WorkerLost
from headrace.generation import Generate
from tests.fakes_generation import ScriptedModel
from tests.protocols.ollama.server import TEXT, USER, lines, ollama_server, sdk

WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def asked(model: ScriptedModel) -> Generate:
    ask = model.requests[-1].ask
    assert isinstance(ask, Generate)
    return ask


async def test_the_sdk_gets_a_whole_answer() -> None:
    async with ollama_server() as server, sdk(server) as client:
        answer = await client.chat("chat", USER)
    assert (answer.message.role, answer.message.content) == ("assistant", TEXT)
    assert (answer.done, answer.done_reason, answer.model) == (True, "stop", "chat")
    assert (answer.prompt_eval_count, answer.eval_count, answer.load_duration) == (11, 7, 0)
    assert answer.total_duration is not None
    assert answer.created_at == "2023-11-14T22:13:20Z"


@pytest.mark.parametrize("with_lane", [True, False])
async def test_the_sdk_gets_a_stream(with_lane: bool) -> None:
    async with ollama_server(with_lane=with_lane) as server, sdk(server) as client:
        parts = [part async for part in await client.chat("chat", USER, stream=True)]
    assert [part.message.content for part in parts] == ["Paris", " is", " the", " capital", " of", " France", ".", ""]
    assert [part.done for part in parts] == [False] * 7 + [True]
    assert parts[-1].eval_count == 7


async def test_an_answer_streams_unless_it_is_told_not_to() -> None:
    async with ollama_server() as server:
        found = await lines(server, "/api/chat", {"model": "chat", "messages": USER})
    assert found[0] == {
        "model": "chat",
        "created_at": "2023-11-14T22:13:20Z",
        "message": {"role": "assistant", "content": "Paris"},
        "done": False,
    }
    assert found[-1]["message"] == {"role": "assistant", "content": ""}
    assert found[-1]["done_reason"] == "stop"


async def test_tools_are_told_to_the_model() -> None:
    async with ollama_server() as server, sdk(server) as client:
        await client.chat("chat", USER, tools=[WEATHER])
        ask = asked(server.chat)
    (tool,) = ask.prompt.tools
    assert tool["function"]["name"] == "weather"
    assert tool["function"]["parameters"]["required"] == ["city"]


async def test_a_conversation_with_calls_and_results_is_read() -> None:
    messages: Any = [
        *USER,
        ollama.Message(
            role="assistant",
            tool_calls=[{"function": {"name": "weather", "arguments": {"city": "Paris"}}}],  # type: ignore[list-item]
        ),
        {"role": "tool", "tool_name": "weather", "content": "rain"},
    ]
    async with ollama_server() as server, sdk(server) as client:
        await client.chat("chat", messages)
        ask = asked(server.chat)
    assert ask.prompt.messages
    assert ask.prompt.messages[1]["tool_calls"][0]["function"]["arguments"] == {"city": "Paris"}
    assert ask.prompt.messages[2] == {"role": "tool", "content": "rain", "name": "weather"}


async def test_json_of_a_schema_is_asked_for() -> None:
    async with ollama_server() as server, sdk(server) as client:
        await client.chat("chat", USER, format={"type": "object"})
        grammar = asked(server.chat).grammar
    assert grammar
    assert (grammar.kind, grammar.source) == ("json_schema", '{"type":"object"}')


async def test_logprobs_are_with_each_piece() -> None:
    body = {"model": "chat", "messages": USER, "logprobs": True, "top_logprobs": 1}
    async with ollama_server() as server:
        found = await lines(server, "/api/chat", body)
    assert [each["token"] for each in found[0]["logprobs"]] == ["Paris"]
    assert found[0]["logprobs"][0]["top_logprobs"] == [{"token": "t0", "logprob": -1.0, "bytes": [116, 48]}]


async def test_no_messages_only_load_the_model() -> None:
    async with ollama_server() as server, sdk(server) as client:
        answer = await client.chat("chat", [])
    assert (answer.done, answer.done_reason) == (True, "load")
    assert not server.chat.requests


async def test_the_name_may_end_with_latest() -> None:
    async with ollama_server() as server, sdk(server) as client:
        answer = await client.chat("chat:latest", USER)
    assert answer.model == "chat:latest"


async def test_a_last_message_of_the_assistants_is_continued() -> None:
    async with ollama_server() as server, sdk(server) as client:
        await client.chat("chat", [*USER, {"role": "assistant", "content": "The"}])
    assert asked(server.chat).prompt.continue_final_message


async def test_an_error_before_the_first_piece_is_an_answer() -> None:
    async with ollama_server() as server, sdk(server) as client:
        server.chat.fault = WorkerLost("it died")
        with pytest.raises(ollama.ResponseError, match="it died") as caught:
            [part async for part in await client.chat("chat", USER, stream=True)]
    assert caught.value.status_code == 503


async def test_an_error_in_a_stream_is_its_last_line() -> None:
    async with ollama_server() as server, sdk(server) as client:
        server.chat.fault, server.chat.fault_after = WorkerLost("it died"), 2
        with pytest.raises(ollama.ResponseError, match="it died"):
            [part async for part in await client.chat("chat", USER, stream=True)]


async def test_a_client_that_leaves_ends_its_generation() -> None:
    async with ollama_server(hold=True) as server, sdk(server) as client:
        asking = asyncio.create_task(client.chat("chat", USER))
        await server.chat.arrived.wait()
        server.chat.arrived.clear()
        asking.cancel()
        await server.chat.arrived.wait()
    assert server.chat.cancelled == [server.chat.requests[0].id]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"model": "base"}, "model: has no chat template"),
        ({"messages": [{"role": "user", "content": "a", "images": ["AAAA"]}]}, "messages[0].images: "),
        ({"messages": [{"role": "nobody", "content": "a"}]}, "messages[0].role: "),
        ({"nonsense": 1}, "nonsense: is not known here"),
        ({"options": {"nonsense": 1}}, "options.nonsense: is not known here"),
    ],
)
async def test_what_is_refused_is_refused_by_its_name(fields: dict[str, Any], message: str) -> None:
    async with ollama_server() as server:
        answer = await server.ask("POST", "/api/chat", {"model": "chat", "messages": USER} | fields)
    assert answer.status == 400
    assert answer.json["error"].startswith(message)


def test_the_sdk_that_waits_gets_answers_too() -> None:
    async def ask() -> str:
        async with ollama_server() as server:
            with ollama.Client(f"http://127.0.0.1:{server.port}") as client:
                answer = await asyncio.to_thread(lambda: client.chat("chat", USER))
        return answer.message.content or ""

    assert asyncio.run(ask()) == TEXT


async def test_thoughts_have_a_field_of_their_own() -> None:
    async with ollama_server() as server, sdk(server) as client:
        whole = await client.chat("thinker", USER, think="low")
        parts = [part.message async for part in await client.chat("thinker", USER, stream=True)]
        without = await client.chat("thinker", USER, think=False)
        made = await client.generate("thinker", "Which city?", think=True)
        with pytest.raises(ollama.ResponseError):
            await client.generate("thinker", "Which city?", think=True, raw=True)
    assert (whole.message.thinking, whole.message.content) == ("France has one.", TEXT)
    assert "".join(part.thinking or "" for part in parts) == "France has one."
    assert "".join(part.content or "" for part in parts) == TEXT
    assert (without.message.thinking, without.message.content) == (None, TEXT)
    assert (made.thinking, made.response) == ("France has one.", TEXT)
