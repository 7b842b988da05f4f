"""Conversations of the Ollama API as a chat template reads them."""

from typing import Any

import msgspec
import pytest

from headrace.errors import InvalidRequest
from headrace.protocols.ollama.messages import Message, refuse_images, template_messages


def seen(*messages: Any) -> list[dict[str, Any]]:
    return list(template_messages(msgspec.convert(list(messages), list[Message])))


def test_a_call_has_its_arguments_as_an_object() -> None:
    call = {"id": "c", "function": {"index": 0, "name": "weather", "arguments": {"city": "Paris"}}}
    (message,) = seen({"role": "assistant", "content": "", "tool_calls": [call]})
    function = {"name": "weather", "arguments": {"city": "Paris"}}
    assert message["tool_calls"] == [{"id": "c", "type": "function", "function": function}]


def test_thoughts_are_told_apart() -> None:
    assert seen({"role": "assistant", "content": "a", "thinking": "hm"}) == [
        {"role": "assistant", "content": "a", "reasoning_content": "hm"}
    ]


@pytest.mark.parametrize("content", [{}, {"content": None}])
@pytest.mark.parametrize("role", ["system", "user", "assistant", "tool"])
def test_content_that_is_not_there_is_empty(content: Any, role: str) -> None:
    assert seen({"role": role} | content) == [{"role": role, "content": ""}]


def test_thoughts_may_be_all_that_an_answer_has() -> None:
    assert seen({"role": "assistant", "thinking": "hm"})[0]["reasoning_content"] == "hm"


@pytest.mark.parametrize(
    ("message", "where"),
    [
        ({"role": "nobody", "content": ""}, "messages[0].role"),
        ({"role": "user", "content": "", "images": ["AAAA"]}, "messages[0].images"),
        ({"role": "user", "content": "", "tool_calls": [{"function": {"name": "a"}}]}, "messages[0].tool_calls"),
        (
            {"role": "assistant", "tool_calls": [{"type": "x", "function": {"name": "a"}}]},
            "messages[0].tool_calls[0].type",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_path(message: Any, where: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        seen(message)
    assert caught.value.where == where


def test_no_images_are_none() -> None:
    refuse_images([], "images")
