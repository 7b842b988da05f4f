"""Responses of the OpenAI API, whole and streamed, for the SDK and to the byte."""

import asyncio
from typing import Any

import msgspec
import openai
import pydantic
import pytest

from headrace.errors import QueueFull, WorkerLost
from headrace.generation import Generate, Sampling
from headrace.protocols.openai.response_request import ResponseBody
from headrace.protocols.openai.responses import head_json
from tests.protocols.dialect_server import whole
from tests.protocols.openai.server import openai_server

TEXT = "Paris is the capital of France."
WEATHER: Any = {"type": "function", "name": "weather", "parameters": {"type": "object"}, "strict": True}


class City(pydantic.BaseModel):
    city: str


async def test_the_sdk_gets_a_whole_answer() -> None:
    async with openai_server() as server, server.sdk() as sdk:
        answer = await sdk.responses.create(model="chat", input="Which city?", metadata={"a": "b"})
    assert (answer.output_text, answer.status, answer.model) == (TEXT, "completed", "chat")
    assert answer.usage
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.total_tokens) == (11, 7, 18)
    assert answer.completed_at == answer.created_at
    assert (answer.metadata, answer.created_at, answer.error) == ({"a": "b"}, 1_700_000_000, None)


async def test_the_tokens_of_what_would_be_read_are_counted() -> None:
    async with openai_server() as server, server.sdk() as sdk:
        first = await sdk.responses.create(model="chat", input="Which city?")
        alone = await sdk.responses.input_tokens.count(model="chat", input="Which city?")
        after = await sdk.responses.input_tokens.count(model="chat", input="And?", previous_response_id=first.id)
    assert first.usage
    assert (alone.object, alone.input_tokens) == ("response.input_tokens", first.usage.input_tokens)
    assert after.input_tokens > alone.input_tokens


async def test_a_personality_to_be_counted_is_refused() -> None:
    async with openai_server() as server:
        body = {"model": "chat", "input": "?"}
        taken = await server.ask("POST", "/v1/responses/input_tokens", body | {"personality": None})
        refused = await server.ask("POST", "/v1/responses/input_tokens", body | {"personality": "friendly"})
    assert (taken.status, refused.status, refused.json["error"]["param"]) == (200, 400, "personality")


@pytest.mark.parametrize("with_lane", [True, False])
async def test_the_sdk_gets_a_stream(with_lane: bool) -> None:
    async with openai_server(with_lane=with_lane) as server, server.sdk() as sdk:
        async with sdk.responses.stream(model="chat", input="?") as stream:
            texts = [event.delta async for event in stream if event.type == "response.output_text.delta"]
        final = await stream.get_final_response()
    assert texts == ["Paris", " is", " the", " capital", " of", " France", "."]
    assert (final.output_text, final.status) == (TEXT, "completed")


async def test_a_stream_has_numbered_events_for_the_response_its_items_and_their_parts() -> None:
    async with openai_server() as server, server.sdk() as sdk:
        stream = await sdk.responses.create(model="chat", input="?", stream=True)
        events = [event async for event in stream]
    assert [event.type.removeprefix("response.") for event in events] == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        *["output_text.delta"] * 7,
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert [event.sequence_number for event in events] == list(range(15))


async def test_a_tool_is_called() -> None:
    async with openai_server() as server, server.sdk() as sdk:
        answer = await sdk.responses.create(model="chat", input="?", tools=[WEATHER], tool_choice="required")
    (call,) = answer.output
    assert call.type == "function_call"
    assert (call.name, call.arguments, call.status) == ("weather", '{"city": "Paris"}', "completed")


async def test_a_calls_arguments_are_streamed() -> None:
    choice: Any = {"type": "function", "name": "weather"}
    async with openai_server() as server, server.sdk() as sdk:
        stream = await sdk.responses.create(model="chat", input="?", tools=[WEATHER], tool_choice=choice, stream=True)
        events = [event async for event in stream]
    pieces = [event.delta for event in events if event.type == "response.function_call_arguments.delta"]
    assert pieces == ['{"city": ', '"Paris"}']
    (done,) = [event for event in events if event.type == "response.function_call_arguments.done"]
    assert done.arguments == '{"city": "Paris"}'


async def test_the_sdk_parses_json_of_a_schema() -> None:
    async with openai_server() as server, server.sdk() as sdk:
        server.chat.words = ('{"city": ', '"Paris"}')
        answer = await sdk.responses.parse(model="chat", input="?", text_format=City)
    assert answer.output_parsed == City(city="Paris")


async def test_log_probabilities_are_included_where_they_are_asked_for() -> None:
    async with openai_server() as server, server.sdk() as sdk:
        answer = await sdk.responses.create(
            model="chat", input="?", include=["message.output_text.logprobs"], top_logprobs=2
        )
        stream = await sdk.responses.create(model="chat", input="?", top_logprobs=1, stream=True)
        deltas = [event async for event in stream if event.type == "response.output_text.delta"]
    assert answer.output[0].type == "message"
    content = answer.output[0].content[0]
    assert content.type == "output_text"
    assert content.logprobs
    assert [each.token for each in content.logprobs][:2] == ["Paris", " is"]
    assert len(content.logprobs[0].top_logprobs) == 2
    assert deltas[0].logprobs[0].token == "Paris"


async def test_a_conversation_goes_on_from_a_response() -> None:
    async with openai_server() as server, server.sdk() as sdk:
        first = await sdk.responses.create(model="chat", input="Which city?", instructions="Be brief.")
        await sdk.responses.create(model="chat", input="And the river?", previous_response_id=first.id)
        ask = server.chat.requests[-1].ask
    assert isinstance(ask, Generate)
    assert ask.prompt.messages == (
        {"role": "user", "content": "Which city?"},
        {"role": "assistant", "content": TEXT},
        {"role": "user", "content": "And the river?"},
    )


async def test_a_conversation_does_not_go_on_from_another_tenants_response() -> None:
    async with openai_server() as server, server.sdk() as sdk:
        first = await sdk.responses.create(model="chat", input="?", extra_headers={"X-Tenant": "north"})
        with pytest.raises(openai.NotFoundError) as caught:
            await sdk.responses.create(model="chat", input="And?", previous_response_id=first.id)
    assert caught.value.param == "previous_response_id"


async def test_items_of_earlier_responses_may_be_sent_as_references() -> None:
    """As Vercel's AI SDK does."""
    async with openai_server() as server, server.sdk() as sdk:
        first = await sdk.responses.create(model="chat", input="Which city?")
        again: Any = [{"role": "user", "content": "Which city?"}, {"type": "item_reference", "id": first.output[0].id}]
        await sdk.responses.create(model="chat", input=[*again, {"role": "user", "content": "Where is that?"}])
        ask = server.chat.requests[-1].ask
        with pytest.raises(openai.NotFoundError) as gone:
            await sdk.responses.create(model="chat", input=again, extra_headers={"X-Tenant": "another"})
    assert isinstance(ask, Generate)
    said = [(message["role"], message["content"]) for message in ask.prompt.messages or ()]
    assert said == [("user", "Which city?"), ("assistant", TEXT), ("user", "Where is that?")]
    assert gone.value.param == "input[1].id"


async def test_results_of_calls_are_read_together_with_the_calls() -> None:
    async with openai_server() as server, server.sdk() as sdk:
        first = await sdk.responses.create(model="chat", input="?", tools=[WEATHER], tool_choice="required")
        assert first.output[0].type == "function_call"
        result: Any = {"type": "function_call_output", "call_id": first.output[0].call_id, "output": "rain"}
        await sdk.responses.create(model="chat", input=[result], previous_response_id=first.id)
        ask = server.chat.requests[-1].ask
    assert isinstance(ask, Generate)
    assert [message["role"] for message in ask.prompt.messages or ()] == ["user", "assistant", "tool"]


async def test_calls_of_a_function_in_a_namespace_name_both_and_are_read_so_when_they_come_back() -> None:
    crm: Any = {"type": "namespace", "name": "crm", "description": "Customers.", "tools": [WEATHER]}
    async with openai_server() as server, server.sdk() as sdk:
        first = await sdk.responses.create(model="chat", input="?", tools=[crm], tool_choice="required")
        (call,) = first.output
        assert call.type == "function_call"
        stream = await sdk.responses.create(model="chat", input="?", tools=[crm], tool_choice="required", stream=True)
        *_, last = [event async for event in stream]
        again: Any = [{"role": "user", "content": "?"}, call.model_dump()]  # with what is null, as async_
        result: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "rain", "namespace": "crm"}
        await sdk.responses.create(model="chat", input=[*again, result], tools=[crm])
        ask = server.chat.requests[-1].ask
    assert (call.namespace, call.name, first.tools[0].type) == ("crm", "weather", "namespace")
    assert last.type == "response.completed"
    assert last.response.output[0].type == "function_call"
    assert (last.response.output[0].namespace, last.response.output[0].name) == ("crm", "weather")
    assert isinstance(ask, Generate)
    assert [call["function"]["name"] for call in (ask.prompt.messages or ())[1]["tool_calls"]] == ["crm.weather"]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_header_names_the_tools_that_were_left_out(stream: bool) -> None:
    body = {"model": "chat", "input": "?", "stream": stream}
    tools = [WEATHER, {"type": "web_search", "external_web_access": False}, {"type": "image_generation"}]
    async with openai_server() as server:
        status, headers, sent = await whole(server.port, "POST", "/v1/responses", body | {"tools": tools})
        plain = await whole(server.port, "POST", "/v1/responses", body | {"tools": [WEATHER]})
    assert (status, headers["headrace-left-out"]) == (200, "web_search, image_generation")
    assert b'"web_search"' not in sent
    assert "headrace-left-out" not in plain[1]


async def test_an_answer_that_was_cut_off_is_incomplete() -> None:
    async with openai_server() as server, server.sdk() as sdk:
        answer = await sdk.responses.create(model="chat", input="?", max_output_tokens=2)
    assert (answer.status, answer.output_text) == ("incomplete", "Paris is")
    assert answer.incomplete_details
    assert answer.incomplete_details.reason == "max_output_tokens"


async def test_what_is_not_to_be_kept_is_not() -> None:
    async with openai_server() as server, server.sdk() as sdk:
        answer = await sdk.responses.create(model="chat", input="?", store=False)
        with pytest.raises(openai.NotFoundError) as caught:
            await sdk.responses.create(model="chat", input="?", previous_response_id=answer.id)
    assert caught.value.param == "previous_response_id"


async def test_an_error_before_the_first_event_has_its_status() -> None:
    async with openai_server() as server, server.sdk() as sdk:
        server.chat.fault = QueueFull("too many")
        with pytest.raises(openai.RateLimitError):
            await sdk.responses.create(model="chat", input="?", stream=True)


async def test_an_error_in_a_stream_fails_the_response() -> None:
    async with openai_server() as server, server.sdk() as sdk:
        server.chat.fault, server.chat.fault_after = WorkerLost("it died"), 2
        stream = await sdk.responses.create(model="chat", input="?", stream=True)
        *_, last = [event async for event in stream]
    assert last.type == "response.failed"
    assert last.response.error
    assert (last.response.status, last.response.error.message) == ("failed", "it died")


async def test_a_client_that_leaves_ends_its_generation() -> None:
    async with openai_server(hold=True) as server, server.sdk() as sdk:
        asking = asyncio.create_task(sdk.responses.create(model="chat", input="?"))
        await server.chat.arrived.wait()
        server.chat.arrived.clear()
        asking.cancel()
        await server.chat.arrived.wait()
    assert server.chat.cancelled == [server.chat.requests[0].id]


def test_the_sdk_that_waits_gets_answers_too() -> None:
    async def ask() -> str:
        async with openai_server() as server:
            with openai.OpenAI(base_url=f"http://127.0.0.1:{server.port}/v1", api_key="none") as client:
                answer = await asyncio.to_thread(lambda: client.responses.create(model="chat", input="?"))
        return answer.output_text

    assert asyncio.run(ask()) == TEXT


def test_what_was_asked_is_told_as_it_was() -> None:
    body: Any = {"text": {"format": {"type": "json_object"}}, "temperature": 0}
    told = head_json(msgspec.convert(body, ResponseBody), [WEATHER], Sampling(temperature=0, top_p=0.8), "id", "m", 1.5)
    assert (told["tools"], told["text"]["format"]) == ([WEATHER], {"type": "json_object"})
    assert (told["temperature"], told["top_p"], told["created_at"], told["tool_choice"]) == (0, 0.8, 1, "auto")
