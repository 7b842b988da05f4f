"""Chat completions, whole and streamed, for the SDK and to the byte."""

from typing import Any

import pytest

from headrace.errors import InvalidRequest, QueueFull, WorkerLost
from tests.protocols.openai.server import USER, openai_server

TEXT = "Paris is the capital of France."
THOUGHT = "France has one."
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}


@pytest.mark.parametrize("size", [1, 200_000])
async def test_an_answer_comes_back_with_nulls_that_only_its_client_knows(size: int) -> None:
    said = [*USER, {"role": "assistant", "content": "x" * size, "images": None}, *USER]
    async with openai_server() as server:
        answered = await server.ask("POST", "/v1/chat/completions", {"model": "chat", "messages": said})
    assert answered.status == 200


async def test_the_sdk_gets_a_whole_answer() -> None:
    async with openai_server() as server, server.sdk() as sdk:
        answer = await sdk.chat.completions.create(model="chat", messages=[{"role": "user", "content": "Which city?"}])
    assert answer.choices[0].message.content == TEXT
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (11, 7, 18)


@pytest.mark.parametrize("with_lane", [True, False])
async def test_the_sdk_gets_a_stream(with_lane: bool) -> None:
    async with openai_server(with_lane=with_lane) as server, server.sdk() as sdk:
        stream = await sdk.chat.completions.create(
            model="chat",
            messages=[{"role": "user", "content": "?"}],
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]) == TEXT
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage
    assert chunks[-1].usage.completion_tokens == 7
    assert chunks[-1].choices == []


async def test_a_stream_has_the_role_first_then_text_then_the_reason_then_done() -> None:
    async with openai_server() as server:
        events = await server.stream("/v1/chat/completions", {"model": "chat", "messages": USER, "stream": True})
    choices = [event["choices"][0] for event in events[:-1]]
    assert choices[0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
    assert [choice["delta"] for choice in choices[1:3]] == [{"content": "Paris"}, {"content": " is"}]
    assert choices[-1]["delta"] == {}
    assert [choice["finish_reason"] for choice in choices] == [None] * 8 + ["stop"]
    assert "usage" not in events[0]
    assert events[-1] == "[DONE]"


async def test_usage_is_null_until_the_last_chunk_where_it_is_asked_for() -> None:
    body = {"model": "chat", "messages": USER, "stream": True, "stream_options": {"include_usage": True}}
    async with openai_server() as server:
        *events, last, _ = await server.stream("/v1/chat/completions", body)
    assert all(event["usage"] is None for event in events)
    assert last["usage"]["total_tokens"] == 18
    assert last["choices"] == []


async def test_continuous_usage_is_in_every_chunk() -> None:
    options = {"include_usage": True, "continuous_usage_stats": True}
    body = {"model": "chat", "messages": USER, "stream": True, "stream_options": options}
    async with openai_server() as server:
        *events, _ = await server.stream("/v1/chat/completions", body)
    assert [event["usage"]["completion_tokens"] for event in events] == [1, 1, 2, 3, 4, 5, 6, 7, 7, 7]


async def test_several_choices_stream_side_by_side() -> None:
    async with openai_server() as server:
        *events, _ = await server.stream(
            "/v1/chat/completions", {"model": "chat", "messages": USER, "stream": True, "n": 2}
        )
    for index in (0, 1):
        deltas = [event["choices"][0] for event in events if event["choices"][0]["index"] == index]
        assert "".join(choice["delta"].get("content", "") for choice in deltas) == TEXT
        assert deltas[-1]["finish_reason"] == "stop"


async def test_a_tool_call_comes_whole() -> None:
    body = {"model": "chat", "messages": USER, "tools": [WEATHER], "tool_choice": "required"}
    async with openai_server() as server:
        answer = await server.ask("POST", "/v1/chat/completions", body)
    choice = answer.json["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    call = {"id": "call_0", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Paris"}'}}
    assert choice["message"]["tool_calls"] == [call]


async def test_a_tool_call_streams_its_name_and_then_its_arguments() -> None:
    body = {"model": "chat", "messages": USER, "tools": [WEATHER], "tool_choice": "required", "stream": True}
    async with openai_server() as server:
        *events, _ = await server.stream("/v1/chat/completions", body)
    pieces = [event["choices"][0]["delta"]["tool_calls"][0] for event in events[1:-1]]
    first = {"index": 0, "id": "call_0", "type": "function", "function": {"name": "weather", "arguments": ""}}
    later = [{"index": 0, "function": {"arguments": text}} for text in ('{"city": ', '"Paris"}')]
    assert pieces == [first, *later]
    assert events[-1]["choices"][0]["finish_reason"] == "tool_calls"


async def test_logprobs_have_each_token_its_bytes_and_its_alternatives() -> None:
    body = {"model": "chat", "messages": USER, "logprobs": True, "top_logprobs": 2, "max_tokens": 1}
    async with openai_server() as server:
        answer = await server.ask("POST", "/v1/chat/completions", body)
        streamed = await server.stream("/v1/chat/completions", body | {"stream": True})
    (token,) = answer.json["choices"][0]["logprobs"]["content"]
    assert (token["token"], token["logprob"], token["bytes"]) == ("Paris", -0.5, list(b"Paris"))
    assert [each["token"] for each in token["top_logprobs"]] == ["t0", "t1"]
    assert streamed[1]["choices"][0]["logprobs"]["content"] == [token]


async def test_token_ids_are_told_where_they_are_asked_for() -> None:
    body = {"model": "chat", "messages": [{"role": "user", "content": "ab"}], "return_token_ids": True}
    async with openai_server() as server:
        answer = await server.ask("POST", "/v1/chat/completions", body)
        events = await server.stream("/v1/chat/completions", body | {"stream": True})
    assert answer.json["prompt_token_ids"] == [97, 98]
    assert answer.json["choices"][0]["token_ids"] == list(range(7))
    assert events[0]["prompt_token_ids"] == [97, 98]
    assert [event["choices"][0].get("token_ids") for event in events[1:-2]] == [[i] for i in range(7)]


async def test_an_echo_begins_with_the_message_that_is_continued() -> None:
    messages = [*USER, {"role": "assistant", "content": "It is "}]
    body: dict[str, Any] = {"model": "chat", "messages": messages, "echo": True, "continue_final_message": True}
    async with openai_server() as server:
        answer = await server.ask("POST", "/v1/chat/completions", body)
        events = await server.stream("/v1/chat/completions", body | {"stream": True})
    assert answer.json["choices"][0]["message"]["content"] == "It is " + TEXT
    assert events[0]["choices"][0]["delta"]["content"] == "It is "


async def test_the_requests_own_id_is_the_answers() -> None:
    async with openai_server() as server:
        answer = await server.ask(
            "POST", "/v1/chat/completions", {"model": "chat", "messages": USER, "request_id": "r7"}
        )
    assert answer.json["id"] == answer.headers["x-request-id"] == "chatcmpl-r7"


@pytest.mark.parametrize("stream", [True, False])
async def test_what_the_model_refuses_has_its_status(stream: bool) -> None:
    async with openai_server() as server:
        server.chat.fault = InvalidRequest("has 3000 tokens; the context holds 2048", "messages")
        answer = await server.ask("POST", "/v1/chat/completions", {"model": "chat", "messages": USER, "stream": stream})
    assert answer.status == 400
    assert answer.json["error"]["param"] == "messages"
    assert answer.json["error"]["type"] == "invalid_request_error"


async def test_a_full_queue_says_when_to_ask_again() -> None:
    async with openai_server() as server:
        server.chat.fault = QueueFull("1024 requests wait", retry_after_s=2.5)
        answer = await server.ask("POST", "/v1/chat/completions", {"model": "chat", "messages": USER})
    assert (answer.status, answer.headers["retry-after"]) == (429, "3")


async def test_an_error_within_a_stream_is_its_last_event() -> None:
    async with openai_server() as server:
        server.chat.fault, server.chat.fault_after = WorkerLost("its process died"), 2
        events = await server.stream("/v1/chat/completions", {"model": "chat", "messages": USER, "stream": True})
    assert events[-1]["error"]["code"] == "worker_lost"
    assert "[DONE]" not in events


async def test_thoughts_have_fields_of_their_own() -> None:
    async with openai_server() as server, server.sdk() as sdk:
        answer = await sdk.chat.completions.create(model="thinker", messages=[{"role": "user", "content": "?"}])
        stream = await sdk.chat.completions.create(
            model="thinker", messages=[{"role": "user", "content": "?"}], stream=True
        )
        deltas = [chunk.choices[0].delta.to_dict() async for chunk in stream]
    message = answer.choices[0].message.to_dict()
    assert (message["reasoning_content"], message["reasoning"], message["content"]) == (THOUGHT, THOUGHT, TEXT)
    assert answer.usage
    assert answer.usage.completion_tokens_details
    assert answer.usage.completion_tokens_details.reasoning_tokens == 3
    for field, text in (("reasoning_content", THOUGHT), ("reasoning", THOUGHT), ("content", TEXT)):
        assert "".join(str(delta.get(field, "")) for delta in deltas) == text


async def test_thoughts_are_left_out_or_not_had_where_that_is_asked() -> None:
    async with openai_server() as server:
        for more in ({"include_reasoning": False}, {"reasoning_effort": "none"}):
            body = {"model": "thinker", "messages": USER} | more
            whole = await server.ask("POST", "/v1/chat/completions", body)
            assert "reasoning" not in whole.json["choices"][0]["message"]
            events = await server.stream("/v1/chat/completions", body | {"stream": True})
            assert not any("reasoning" in event["choices"][0]["delta"] for event in events[:-1])
