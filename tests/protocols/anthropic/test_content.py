"""Conversations in blocks as a chat template reads them."""

from typing import Any

import msgspec
import pytest

from headrace.errors import InvalidRequest
from headrace.protocols.anthropic.content import template_messages
from headrace.protocols.anthropic.messages_request import read_messages

CALL = {"type": "tool_use", "id": "c1", "name": "weather", "input": {"city": "Paris"}}
SEEN_CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": {"city": "Paris"}}}


def seen(*messages: tuple[str, Any], system: Any = None) -> list[dict[str, Any]]:
    body = {"model": "m", "max_tokens": 1, "system": system}
    body["messages"] = [{"role": role, "content": content} for role, content in messages]
    read = read_messages.decode(msgspec.json.encode(body))
    return list(template_messages(read.system, read.messages))


def test_the_system_comes_first_and_blocks_of_text_are_joined() -> None:
    blocks = [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}, {"type": "text", "text": "b"}]
    assert seen(("user", blocks), system=[{"type": "text", "text": "s"}]) == [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "a\nb"},
    ]


def test_turns_of_the_same_role_are_one() -> None:
    assert seen(("user", "a"), ("user", "b"), ("assistant", "c"), ("assistant", "d"), ("user", "e")) == [
        {"role": "user", "content": "a\nb"},
        {"role": "assistant", "content": "c\nd"},
        {"role": "user", "content": "e"},
    ]


def test_calls_and_their_results_are_messages_of_their_own() -> None:
    result = {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "rain"}]}
    assert seen(
        ("assistant", [{"type": "text", "text": "Look."}, CALL]), ("user", [result, {"type": "text", "text": "So?"}])
    ) == [
        {"role": "assistant", "content": "Look.", "tool_calls": [SEEN_CALL]},
        {"role": "tool", "tool_call_id": "c1", "name": "weather", "content": "rain"},
        {"role": "user", "content": "So?"},
    ]


def test_a_result_that_is_an_error_says_so() -> None:
    result = {"type": "tool_result", "tool_use_id": "c1", "content": "no such city", "is_error": True}
    assert seen(("assistant", [CALL]), ("user", [result]))[-1]["content"] == "Error: no such city"


def test_thoughts_are_told_apart() -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": ""}
    (message,) = seen(("assistant", [thought, {"type": "text", "text": "a"}]))
    assert message == {"role": "assistant", "content": "a", "reasoning_content": "hm"}


@pytest.mark.parametrize(
    ("messages", "where"),
    [
        ([], "messages"),
        ([("tool", "a")], "messages[0].role"),
        ([("user", [{"type": "image", "source": {}}])], "messages[0].content[0].type"),
        ([("user", [{"type": "text"}])], "messages[0].content[0].text"),
        ([("user", [CALL])], "messages[0].content[0].type"),
        ([("user", [{"type": "text", "text": "a", "is_error": True}])], "messages[0].content[0].is_error"),
        ([("user", [{"type": "tool_result", "tool_use_id": "x"}])], "messages[0].content[0].tool_use_id"),
        ([("assistant", [CALL | {"caller": {"type": "program"}}])], "messages[0].content[0].caller.type"),
        ([("assistant", [{"type": "tool_use", "id": "a", "name": "b"}])], "messages[0].content[0].input"),
        ([("user", "a"), ("assistant", [CALL])], "messages[1]"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_path(messages: list[tuple[str, Any]], where: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        seen(*messages)
    assert caught.value.where == where
