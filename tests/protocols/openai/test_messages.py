"""Conversations are checked and brought to the form that templates read."""

from typing import Any

import msgspec
import pytest

from headrace.errors import InvalidRequest
from headrace.protocols.openai.messages import Message, template_messages


def seen(*messages: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    return template_messages(msgspec.convert(list(messages), list[Message]))


def test_a_developer_speaks_as_the_system() -> None:
    assert seen({"role": "developer", "content": "Be brief."}) == ({"role": "system", "content": "Be brief."},)


def test_parts_of_text_become_one_text() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert seen({"role": "user", "content": parts})[0]["content"] == "a\nb"


def test_a_part_may_say_where_a_cached_prefix_ends() -> None:
    part = {"type": "text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}}
    assert seen({"role": "user", "content": [part]})[0]["content"] == "a"


def test_calls_have_their_arguments_as_an_object() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}
    (message,) = seen({"role": "assistant", "content": None, "tool_calls": [call]})
    function = {"name": "f", "arguments": {"x": 1}}
    assert message == {
        "role": "assistant",
        "content": "",
        "tool_calls": [{"id": "c1", "type": "function", "function": function}],
    }


def test_an_answer_can_be_replayed_as_the_sdk_dumps_it() -> None:
    nulls = dict.fromkeys(("refusal", "annotations", "audio", "function_call", "tool_calls"))
    assert seen({"role": "assistant", "content": "x"} | nulls) == ({"role": "assistant", "content": "x"},)


def test_what_litellm_adds_to_an_answer_changes_nothing_when_it_comes_back() -> None:
    added: dict[str, Any] = {"provider_specific_fields": {"reasoning": "y"}}
    function: dict[str, Any] = {"name": "f", "arguments": "{}"}
    call: dict[str, Any] = {"id": "c", "type": "function", "function": function}
    plain = {"role": "assistant", "content": "x", "reasoning_content": "y", "tool_calls": [call]}
    with_it = [call | added | {"function": function | added}]
    assert seen(plain | added | {"tool_calls": with_it}) == seen(plain)


def test_names_and_results_of_tools_are_kept() -> None:
    message = {"role": "tool", "content": "21", "tool_call_id": "c1", "name": "f"}
    assert seen(message) == (message,)


def test_reasoning_is_kept_under_the_name_that_templates_know() -> None:
    assert seen({"role": "assistant", "content": "x", "reasoning": "y"})[0]["reasoning_content"] == "y"


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
@pytest.mark.parametrize("content", [{}, {"content": None}])
def test_thoughts_may_be_all_that_an_answer_has(name: str, content: dict[str, Any]) -> None:
    (message,) = seen({"role": "assistant", name: "hm"} | content)
    assert message == {"role": "assistant", "content": "", "reasoning_content": "hm"}


@pytest.mark.parametrize(
    ("message", "where", "what"),
    [
        ({"role": "king", "content": "x"}, "messages[0].role", "must be one of system, developer"),
        ({"role": "function", "content": "x"}, "messages[0].role", "must be one of"),
        ({"role": "user"}, "messages[0].content", "not null or left out"),
        ({"role": "user", "content": None}, "messages[0].content", "not null or left out"),
        ({"role": "assistant", "content": None}, "messages[0].content", "not null or left out"),
        ({"role": "tool", "tool_call_id": "c"}, "messages[0].content", "not null or left out"),
        ({"role": "user", "reasoning": "hm"}, "messages[0].content", "not null or left out"),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x"}}]},
            "messages[0].content[0].type",
            "text only",
        ),
        ({"role": "user", "content": [{"type": "text"}]}, "messages[0].content[0].text", "is missing"),
        ({"role": "assistant", "audio": {"id": "a"}}, "messages[0].audio", "text only"),
        ({"role": "assistant", "function_call": {}}, "messages[0].function_call", "use tool_calls"),
        (
            {"role": "user", "content": "x", "tool_calls": [{"function": {"name": "f"}}]},
            "messages[0].tool_calls",
            "only the assistant",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_path(message: dict[str, Any], where: str, what: str) -> None:
    with pytest.raises(InvalidRequest, match=what) as caught:
        seen(message)
    assert caught.value.where == where


def test_a_conversation_has_a_message() -> None:
    with pytest.raises(InvalidRequest, match=r"^messages: must have"):
        seen()


@pytest.mark.parametrize("written", ["[1]", '{"city": "Osl', "{a: 1}"])
def test_arguments_that_are_no_object_are_seen_as_they_were_written(written: str) -> None:
    called = {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": written}}]}
    assert seen(called)[0]["tool_calls"][0]["function"]["arguments"] == written
