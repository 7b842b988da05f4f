"""Tools of a response, which are written flat."""

from typing import Any

import msgspec
import pytest

from headrace.errors import InvalidRequest
from headrace.generation import ToolChoice
from headrace.protocols.openai.response_tools import FunctionChoice, FunctionTool, read_tools
from headrace.protocols.openai.tools import Tools

WEATHER = {"type": "function", "name": "weather", "parameters": {"type": "object"}, "strict": None}
TIME = {"type": "function", "name": "time"}


def read(*tools: Any, choice: Any = None, parallel: bool | None = None) -> Tools:
    read_as = msgspec.convert(choice, str | FunctionChoice | None)
    return read_tools(msgspec.convert(list(tools), list[FunctionTool]), read_as, parallel)


def test_a_tool_is_a_function_for_the_template() -> None:
    (tool,) = read(WEATHER).tools
    assert tool == {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}


@pytest.mark.parametrize(
    ("choice", "read_as"),
    [
        (None, ToolChoice()),
        ("none", ToolChoice("none")),
        ("required", ToolChoice("required")),
        ({"type": "function", "name": "weather"}, ToolChoice("named", "weather", parallel=False)),
    ],
)
def test_the_choice_is_read(choice: Any, read_as: ToolChoice) -> None:
    assert read(WEATHER, choice=choice).choice == read_as


def test_a_choice_may_be_limited_to_some() -> None:
    choice = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "time"}]}
    found = read(WEATHER, TIME, choice=choice, parallel=False)
    assert [tool["function"]["name"] for tool in found.tools] == ["time"]
    assert found.choice == ToolChoice("required", parallel=False)


@pytest.mark.parametrize(
    ("tools", "choice", "where"),
    [
        ([{"type": "web_search"}], None, "tools[0].type"),
        ([{"type": "function"}], None, "tools[0].name"),
        ([TIME, TIME], None, "tools[1].name"),
        ([TIME | {"defer_loading": True}], None, "tools[0].defer_loading"),
        ([TIME | {"async": True}], None, "tools[0].async"),
        ([TIME | {"allowed_callers": ["programmatic"]}], None, "tools[0].allowed_callers"),
        ([TIME | {"server_url": "x"}], None, "tools[0].server_url"),
        ([TIME] * 129, None, "tools"),
        ([TIME], "any", "tool_choice"),
        ([], "required", "tool_choice"),
        ([TIME], {"type": "mcp"}, "tool_choice.type"),
        ([TIME], {"type": "function", "name": "other"}, "tool_choice.name"),
        ([TIME], {"type": "allowed_tools", "mode": "any", "tools": []}, "tool_choice.mode"),
        (
            [TIME],
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "mcp"}]},
            "tool_choice.tools[0].type",
        ),
    ],
)
def test_what_is_wrong_is_refused_by_its_path(tools: list[Any], choice: Any, where: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(*tools, choice=choice)
    assert caught.value.where == where
