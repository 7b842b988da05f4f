"""Tools of a response, which are written flat."""

from typing import Any

import msgspec
import pytest

from headrace.errors import InvalidRequest
from headrace.generation import ToolChoice
from headrace.protocols.openai.response_tools import FunctionChoice, ResponseTools, read_tools
from headrace.protocols.openai.tools import Tools

WEATHER = {"type": "function", "name": "weather", "parameters": {"type": "object"}, "strict": None}
TIME = {"type": "function", "name": "time"}
CRM = {
    "type": "namespace",
    "name": "crm",
    "description": "Customers.",
    "tools": [WEATHER | {"description": "W."}, TIME],
}
SEARCH = {"type": "web_search"}


def read(*tools: Any, choice: Any = None, parallel: bool | None = None) -> ResponseTools:
    read_as = msgspec.convert(choice, str | FunctionChoice | None)
    return read_tools([msgspec.Raw(msgspec.json.encode(tool)) for tool in tools], read_as, parallel)


def test_a_tool_is_a_function_for_the_template() -> None:
    (tool,) = read(WEATHER).tools.tools
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
    assert read(WEATHER, choice=choice).tools.choice == read_as


def test_a_choice_may_be_limited_to_some() -> None:
    choice = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "time"}]}
    found = read(WEATHER, TIME, choice=choice, parallel=False).tools
    assert [tool["function"]["name"] for tool in found.tools] == ["time"]
    assert found.choice == ToolChoice("required", parallel=False)


def test_functions_in_a_namespace_are_offered_by_both_names_and_its_description_stands_once() -> None:
    found = read(TIME, CRM, choice={"type": "function", "name": "crm.time"})
    offered = [(tool["function"]["name"], tool["function"].get("description")) for tool in found.tools.tools]
    assert offered == [("time", None), ("crm.weather", "Customers.\nW."), ("crm.time", None)]
    assert found.names == {"crm.weather": ("crm", "weather"), "crm.time": ("crm", "time")}
    assert found.tools.choice == ToolChoice("named", "crm.time", parallel=False)


def test_a_namespace_of_which_one_function_is_allowed_is_described_there() -> None:
    choice = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "crm.time"}]}
    (tool,) = read(CRM, choice=choice).tools.tools
    assert tool["function"] == {"name": "crm.time", "description": "Customers."}


@pytest.mark.parametrize("choice", [None, "auto", "none", "required", {"type": "function", "name": "time"}])
def test_what_any_answer_can_do_without_is_left_out_and_named_whatever_its_fields(choice: Any) -> None:
    found = read(SEARCH | {"external_web_access": False}, TIME, {"type": "image_generation"}, SEARCH, choice=choice)
    assert [tool["function"]["name"] for tool in found.tools.tools] == ["time"]
    assert (found.told, found.left_out) == ((TIME,), ("web_search", "image_generation"))


def test_a_choice_may_be_limited_to_what_is_left_out_too() -> None:
    tools = [SEARCH, {"type": "function", "name": "time"}]
    found = read(TIME, WEATHER, SEARCH, choice={"type": "allowed_tools", "mode": "auto", "tools": tools})
    assert [tool["function"]["name"] for tool in found.tools.tools] == ["time"]
    assert read(SEARCH).tools == Tools((), ToolChoice("none"))


def test_of_a_type_that_is_not_offered_it_is_said_what_is() -> None:
    with pytest.raises(InvalidRequest) as caught:
        read({"type": "mcp", "server_label": "x", "unheard_of": 1})
    assert caught.value.message == (
        "must be function or namespace; 'mcp' is not offered: "
        "give the server's tools as functions, and call them yourself"
    )


@pytest.mark.parametrize(
    ("tools", "choice", "where"),
    [
        ([{"type": "local_shell"}], None, "tools[0].type"),
        ([{"type": "mcp", "server_label": "x", "server_url": "y"}], None, "tools[0].type"),
        ([{"type": "custom", "name": "x", "format": {"type": "text"}}], None, "tools[0].type"),
        ([{"name": "x"}], None, "tools[0].type"),
        ([CRM | {"tools": [{"type": "custom", "name": "x"}]}], None, "tools[0].tools[0].type"),
        ([CRM | {"tools": [TIME, TIME]}], None, "tools[0].tools[1].name"),
        ([CRM, CRM], None, "tools[1].name"),
        ([CRM | {"filters": {}}], None, "tools[0].filters"),
        ([CRM], {"type": "function", "name": "time"}, "tool_choice.name"),
        ([SEARCH], "required", "tool_choice"),
        ([SEARCH], {"type": "web_search_preview"}, "tool_choice.type"),
        ([TIME, SEARCH], {"type": "allowed_tools", "mode": "required", "tools": [SEARCH]}, "tool_choice"),
        ([{"type": "function"}], None, "tools[0].name"),
        ([TIME, TIME], None, "tools[1].name"),
        ([TIME | {"defer_loading": True}], None, "tools[0].defer_loading"),
        ([TIME | {"async": True}], None, "tools[0].async"),
        ([TIME | {"allowed_callers": ["programmatic"]}], None, "tools[0].allowed_callers"),
        ([TIME | {"server_url": "x"}], None, "tools[0].server_url"),
        ([TIME] * 129, None, "tools"),
        ([CRM | {"tools": [TIME | {"name": f"t{i}"} for i in range(129)]}], None, "tools"),
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
