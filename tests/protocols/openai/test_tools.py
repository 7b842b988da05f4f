"""Tools and the choice among them."""

from typing import Any

import msgspec
import pytest

from headrace.errors import InvalidRequest
from headrace.generation import ToolChoice
from headrace.protocols.openai.tools import Choice, Tool, Tools, read_tools

F, G = ({"type": "function", "function": {"name": name}} for name in "fg")


def read(tools: list[Any] | None, choice: Any = None, parallel: bool | None = None) -> Tools:
    given = msgspec.convert(choice, str | Choice | None)
    return read_tools(msgspec.convert(tools, list[Tool] | None), given, parallel)


def test_without_tools_none_is_chosen() -> None:
    assert read(None) == read([]) == Tools((), ToolChoice("none"))


def test_tools_are_seen_as_they_were_given() -> None:
    function = {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}
    tool = {"type": "function", "function": function}
    assert read([tool, G]) == Tools((tool, G), ToolChoice("auto"))


@pytest.mark.parametrize(
    ("choice", "found"),
    [
        ("none", ToolChoice("none")),
        ("required", ToolChoice("required")),
        ({"type": "function", "function": {"name": "g"}}, ToolChoice("named", "g", parallel=False)),
    ],
)
def test_a_choice_is_a_word_or_a_name(choice: Any, found: ToolChoice) -> None:
    assert read([F, G], choice).choice == found


def test_a_choice_may_be_among_fewer_tools() -> None:
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [G]}}
    assert read([F, G], allowed) == Tools((G,), ToolChoice("required"))


def test_calls_can_be_limited_to_one() -> None:
    assert read([F], parallel=False).choice == ToolChoice("auto", parallel=False)


@pytest.mark.parametrize(
    ("tools", "choice", "where"),
    [
        ([{"type": "custom", "custom": {}}], None, "tools[0].type"),
        ([{"type": "function"}], None, "tools[0].function"),
        ([{"type": "function", "function": {"name": "a b"}}], None, "tools[0].function.name"),
        ([F, F], None, "tools[1].function.name"),
        ([F] * 129, None, "tools"),
        ([F], "sometimes", "tool_choice"),
        ([], "required", "tool_choice"),
        ([F], G, "tool_choice.function.name"),
        ([F], {"type": "function"}, "tool_choice.function"),
        ([F], {"type": "custom", "custom": {}}, "tool_choice.type"),
        (
            [F],
            {"type": "allowed_tools", "allowed_tools": {"mode": "none", "tools": [F]}},
            "tool_choice.allowed_tools.mode",
        ),
        (
            [F],
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{}]}},
            "tool_choice.allowed_tools.tools[0]",
        ),
    ],
)
def test_what_is_wrong_is_refused_with_its_path(tools: list[Any], choice: Any, where: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(tools, choice)
    assert caught.value.where == where
