"""Messages through the `anthropic` SDK."""

from typing import Any

import anthropic
import pytest

from tests.e2e.language_clients.asked import CHAT, CITY, MESSAGES, WEATHER

pytestmark = pytest.mark.slow

TOOL: Any = {"name": WEATHER, "description": "Its weather", "input_schema": CITY}
ONE_CALL = {"type": "any", "disable_parallel_tool_use": True}
GREEDY = {"temperature": 0}
"""The SDK itself no longer knows the field."""


def message(claude: anthropic.Anthropic, **more: Any) -> Any:
    given: dict[str, Any] = {"messages": MESSAGES, "max_tokens": 40, "extra_body": GREEDY} | more
    return claude.messages.create(model=CHAT, **given)


def test_a_question_is_answered_and_counted(claude: anthropic.Anthropic) -> None:
    answer = message(claude, system="You are brief.")
    assert "Paris" in answer.content[0].text
    assert answer.stop_reason == "end_turn"
    counted = claude.messages.count_tokens(model=CHAT, messages=MESSAGES, system="You are brief.")
    assert counted.input_tokens == answer.usage.input_tokens + (answer.usage.cache_read_input_tokens or 0)


def test_a_stream_is_gathered_into_the_whole_answer(claude: anthropic.Anthropic) -> None:
    with claude.messages.stream(model=CHAT, messages=MESSAGES, max_tokens=40, extra_body=GREEDY) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert final.content[0].type == "text"
    assert final.content[0].text == text == message(claude).content[0].text
    assert final.usage.output_tokens > 5


async def test_the_async_client_streams(claude: anthropic.Anthropic) -> None:
    async with anthropic.AsyncAnthropic(base_url=str(claude.base_url), api_key="none", max_retries=0) as client:
        asked: Any = {"model": CHAT, "messages": MESSAGES, "max_tokens": 8, "extra_body": GREEDY}
        kinds = [event.type async for event in await client.messages.create(**asked, stream=True)]
    assert (kinds[0], kinds[-2], kinds[-1]) == ("message_start", "message_delta", "message_stop")


def test_a_stop_sequence_ends_the_answer(claude: anthropic.Anthropic) -> None:
    stop = message(claude).content[0].text[10:14]
    answer = message(claude, stop_sequences=[stop])
    assert (answer.stop_reason, answer.stop_sequence) == ("stop_sequence", stop)


def test_the_answer_goes_on_from_what_is_put_in_its_mouth(claude: anthropic.Anthropic) -> None:
    begun: Any = {"role": "assistant", "content": "The capital of France is the city of"}
    assert message(claude, messages=[*MESSAGES, begun]).content[0].text.lstrip().startswith("Paris")


def test_a_tool_is_used_and_its_result_answered(claude: anthropic.Anthropic) -> None:
    asked: Any = {"tools": [TOOL], "max_tokens": 80}
    first = message(claude, **asked, tool_choice=ONE_CALL)
    (used,) = [block for block in first.content if block.type == "tool_use"]
    assert (first.stop_reason, used.name, set(used.input)) == ("tool_use", WEATHER, {"city"})
    result = {"type": "tool_result", "tool_use_id": used.id, "content": "It is sunny."}
    turns = [*MESSAGES, {"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
    after = message(claude, **asked, messages=turns, tool_choice={"type": "none"})
    assert after.content[0].text


def test_a_tools_input_streams(claude: anthropic.Anthropic) -> None:
    asked: Any = {"model": CHAT, "messages": MESSAGES, "tools": [TOOL], "tool_choice": ONE_CALL, "max_tokens": 80}
    with claude.messages.stream(**asked, extra_body=GREEDY) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_message()
    assert "input_json" in kinds
    (used,) = [block for block in final.content if block.type == "tool_use"]
    assert isinstance(used.input, dict)
    assert set(used.input) == {"city"}


def test_what_is_wrong_is_a_bad_request(claude: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.BadRequestError, match="temperature"):
        message(claude, extra_body={"temperature": -1})
    with pytest.raises(anthropic.NotFoundError):
        claude.messages.create(model="nobody", max_tokens=1, messages=MESSAGES)
