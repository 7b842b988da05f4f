"""Tools as Anthropic writes them."""

from typing import Any

import msgspec
import pytest

from headrace.errors import InvalidRequest
from headrace.generation import ToolChoice
from headrace.protocols.anthropic.tools import Choice, Tool, read_tools
from headrace.protocols.openai.tools import Tools

WEATHER = {"name": "weather", "description": "of a city", "input_schema": {"type": "object"}}


def read(*tools: Any, choice: Any = None) -> Tools:
    asked = msgspec.convert(choice, Choice) if choice else None
    return read_tools(msgspec.convert(list(tools), list[Tool]), asked)


def test_a_tool_is_a_function_for_the_template() -> None:
    (tool,) = read(WEATHER).tools
    function = {"name": "weather", "description": "of a city", "parameters": {"type": "object"}}
    assert tool == {"type": "function", "function": function}


@pytest.mark.parametrize(
    ("choice", "read_as"),
    [
        (None, ToolChoice()),
        ({"type": "auto", "disable_parallel_tool_use": True}, ToolChoice(parallel=False)),
        ({"type": "any"}, ToolChoice("required")),
        ({"type": "tool", "name": "weather"}, ToolChoice("named", "weather")),
        ({"type": "none"}, ToolChoice("none")),
    ],
)
def test_the_choice_is_read(choice: Any, read_as: ToolChoice) -> None:
    assert read(WEATHER, choice=choice).choice == read_as


@pytest.mark.parametrize(
    ("tools", "choice", "where"),
    [
        ([{"name": "web_search", "type": "web_search_20250305"}], None, "tools[0].type"),
        ([{"name": "a"}], None, "tools[0].input_schema"),
        ([WEATHER | {"name": "a b"}], None, "tools[0].name"),
        ([WEATHER, WEATHER], None, "tools[1].name"),
        ([WEATHER | {"defer_loading": True}], None, "tools[0].defer_loading"),
        ([WEATHER | {"input_examples": [{}]}], None, "tools[0].input_examples"),
        ([WEATHER | {"allowed_callers": ["code_execution_20250825"]}], None, "tools[0].allowed_callers"),
        ([WEATHER | {"max_uses": 3}], None, "tools[0].max_uses"),
        ([WEATHER] * 129, None, "tools"),
        ([], {"type": "any"}, "tool_choice"),
        ([WEATHER], {"type": "tool", "name": "other"}, "tool_choice.name"),
        ([WEATHER], {"type": "auto", "name": "weather"}, "tool_choice.name"),
    ],
)
def test_what_is_wrong_is_refused_by_its_path(tools: list[Any], choice: Any, where: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(*tools, choice=choice)
    assert caught.value.where == where
