"""Messages of the Anthropic API, whole and streamed, for the SDK and to the byte."""

import asyncio
from typing import Any

import anthropic
import msgspec
import pytest

from headrace.deltas import in_order
from headrace.errors import QueueFull, WorkerLost
from headrace.generation import Delta, Generate, Generated, ToolCall, Usage
from headrace.protocols.anthropic.messages import Head, MessageWriter, message_json
from headrace.protocols.anthropic.routes import routes
from tests.protocols.dialect_server import dialect_server
from tests.protocols.openai.server import Server

TEXT = "Paris is the capital of France."
ASK: Any = {"model": "chat", "max_tokens": 20, "messages": [{"role": "user", "content": "Which city?"}]}
WEATHER: Any = {"name": "weather", "description": "of a city", "input_schema": {"type": "object"}}


def sdk(server: Server) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(base_url=f"http://127.0.0.1:{server.port}", api_key="none", max_retries=0)


async def test_the_sdk_gets_a_whole_answer() -> None:
    async with dialect_server(routes) as server, sdk(server) as client:
        message = await client.messages.create(**ASK)
    assert [block.to_dict() for block in message.content] == [{"type": "text", "text": TEXT}]
    assert (message.stop_reason, message.stop_sequence, message.model) == ("end_turn", None, "chat")
    assert (message.usage.input_tokens, message.usage.output_tokens) == (11, 7)
    assert message.id.startswith("msg_")
    assert message._request_id == message.id


@pytest.mark.parametrize("with_lane", [True, False])
async def test_the_sdk_gets_a_stream(with_lane: bool) -> None:
    async with dialect_server(routes, with_lane=with_lane) as server, sdk(server) as client:
        async with client.messages.stream(**ASK) as stream:
            texts = [text async for text in stream.text_stream]
        message = await stream.get_final_message()
    assert texts == ["Paris", " is", " the", " capital", " of", " France", "."]
    assert [block.to_dict()["text"] for block in message.content] == [TEXT]
    assert message.stop_reason == "end_turn"
    assert message.usage.output_tokens == 7


async def test_a_stream_has_the_message_its_blocks_and_its_end() -> None:
    async with dialect_server(routes) as server, sdk(server) as client:
        stream = await client.messages.create(**ASK, stream=True)
        events = [event async for event in stream]
    assert [event.type for event in events] == [
        "message_start",
        "content_block_start",
        *["content_block_delta"] * 7,
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]


async def test_a_tool_is_called() -> None:
    async with dialect_server(routes) as server, sdk(server) as client:
        message = await client.messages.create(**ASK, tools=[WEATHER], tool_choice={"type": "any"})
    (block,) = message.content
    assert isinstance(block, anthropic.types.ToolUseBlock)
    assert (block.name, block.input, message.stop_reason) == ("weather", {"city": "Paris"}, "tool_use")


async def test_a_tools_input_is_streamed_in_pieces() -> None:
    choice: Any = {"type": "tool", "name": "weather"}
    async with dialect_server(routes) as server, sdk(server) as client:
        async with client.messages.stream(**ASK, tools=[WEATHER], tool_choice=choice) as stream:
            pieces = [event.partial_json async for event in stream if event.type == "input_json"]
        message = await stream.get_final_message()
    assert pieces == ['{"city": ', '"Paris"}']
    (block,) = message.content
    assert isinstance(block, anthropic.types.ToolUseBlock)
    assert block.input == {"city": "Paris"}


async def test_results_of_tools_are_read() -> None:
    async with dialect_server(routes) as server, sdk(server) as client:
        first = await client.messages.create(**ASK, tools=[WEATHER], tool_choice={"type": "any"})
        result: Any = {"type": "tool_result", "tool_use_id": first.content[0].to_dict()["id"], "content": "rain"}
        conversation: Any = [*ASK["messages"], first.to_param(), {"role": "user", "content": [result]}]
        await client.messages.create(**ASK | {"messages": conversation}, tools=[WEATHER])
        ask = server.chat.requests[-1].ask
    assert isinstance(ask, Generate)
    assert ask.prompt.messages
    assert [message["role"] for message in ask.prompt.messages] == ["user", "assistant", "tool"]


async def test_the_end_by_the_number_of_tokens_is_told() -> None:
    async with dialect_server(routes) as server, sdk(server) as client:
        message = await client.messages.create(**ASK | {"max_tokens": 2})
    assert message.stop_reason == "max_tokens"


async def test_tokens_are_counted() -> None:
    async with dialect_server(routes) as server, sdk(server) as client:
        counted = await client.messages.count_tokens(model="chat", messages=ASK["messages"], system="ab")
    assert counted.input_tokens == 13


async def test_what_the_model_refuses_is_an_error_of_the_sdks() -> None:
    async with dialect_server(routes) as server, sdk(server) as client:
        server.chat.fault = QueueFull("too many")
        with pytest.raises(anthropic.APIStatusError) as caught:
            await client.messages.create(**ASK)
    assert caught.value.status_code == 529
    assert caught.value.type == "overloaded_error"


async def test_an_error_in_a_stream_is_its_last_event() -> None:
    async with dialect_server(routes) as server, sdk(server) as client:
        server.chat.fault, server.chat.fault_after = WorkerLost("it died"), 2
        stream = await client.messages.create(**ASK, stream=True)
        with pytest.raises(anthropic.APIStatusError, match="it died"):
            [event async for event in stream]


async def test_a_client_that_leaves_ends_its_generation() -> None:
    async with dialect_server(routes, hold=True) as server, sdk(server) as client:
        asking = asyncio.create_task(client.messages.create(**ASK))
        await server.chat.arrived.wait()
        server.chat.arrived.clear()
        asking.cancel()
        await server.chat.arrived.wait()
    assert server.chat.cancelled == [server.chat.requests[0].id]


def test_the_sdk_that_waits_gets_answers_too() -> None:
    async def ask() -> str:
        async with dialect_server(routes) as server:
            with anthropic.Anthropic(base_url=f"http://127.0.0.1:{server.port}", api_key="none") as client:
                message = await asyncio.to_thread(lambda: client.messages.create(**ASK))
        return str(message.content[0].to_dict()["text"])

    assert asyncio.run(ask()) == TEXT


@pytest.mark.parametrize("display", ["summarized", "omitted"])
async def test_thoughts_are_a_signed_block_before_the_text(display: Any) -> None:
    ask = ASK | {"model": "thinker", "thinking": {"type": "enabled", "budget_tokens": 9, "display": display}}
    async with dialect_server(routes) as server, sdk(server) as client:
        whole = await client.messages.create(**ask)
        async with client.messages.stream(**ask) as stream:
            streamed = await stream.get_final_message()
        again = [*ask["messages"], {"role": "assistant", "content": whole.content}, *ask["messages"]]
        await client.messages.create(**(ask | {"messages": again}))
        sent = server.thinker.requests[-1].ask
    thoughts, text = whole.content
    assert [block.to_dict() for block in streamed.content] == [thoughts.to_dict(), text.to_dict()]
    assert thoughts.type == "thinking"
    assert thoughts.thinking == ("France has one." if display == "summarized" else "")
    assert len(thoughts.signature) == 44
    assert whole.usage.output_tokens_details
    assert whole.usage.output_tokens_details.thinking_tokens == 3
    assert isinstance(sent, Generate)
    assert sent.prompt.messages
    assert sent.prompt.messages[1]["reasoning_content"] == thoughts.thinking


async def test_who_does_not_ask_for_thoughts_gets_none() -> None:
    async with dialect_server(routes) as server, sdk(server) as client:
        message = await client.messages.create(**(ASK | {"model": "thinker"}))
    assert [block.type for block in message.content] == ["text"]


def test_text_before_between_and_behind_calls_stands_there_whole_and_streamed() -> None:
    came = [
        Delta(text="a"),
        Delta(tool_calls=(ToolCall(0, "{", "c0", "f"),)),
        Delta(tool_calls=(ToolCall(0, "}"),)),
        Delta(text="b"),
        Delta(tool_calls=(ToolCall(1, "{}", "c1", "g"), ToolCall(2, "{}", "c2", "g"))),
        Delta(text="c", finish="tool_calls"),
    ]
    head, usage = Head("msg_1", "chat", 99), Usage(1, 6)
    whole = message_json(head, Generated(tuple(in_order(came)), usage))
    kinds = [block["type"] for block in whole["content"]]
    assert kinds == ["text", "tool_use", "text", "tool_use", "tool_use", "text"]
    writer = MessageWriter(head)
    sent = b"".join(writer.news(0, Generated((delta,), usage)) for delta in came) + writer.end()
    events = [msgspec.json.decode(line[6:]) for line in sent.split(b"\n") if line.startswith(b"data: ")]
    assert [event["content_block"]["type"] for event in events if event["type"] == "content_block_start"] == kinds
    assert whole["stop_reason"] == "tool_use"
