"""The tools that a model may call, and whether it must."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from headrace.errors import InvalidRequest
from headrace.generation import ToolChoice
from headrace.protocols.strict_body import Body, check_nesting

MAX_TOOLS = 128
_MAX_NAME = 64


class Function(Body, frozen=True, kw_only=True):
    """A function that the model may call; `parameters` is a JSON schema."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tool(Body, frozen=True, kw_only=True):
    type: str
    function: Function | None = None
    custom: Any = None


class NamedFunction(Body, frozen=True):
    name: str


class AllowedTools(Body, frozen=True, kw_only=True):
    mode: str
    tools: list[dict[str, Any]]


class Choice(Body, frozen=True, kw_only=True):
    """`tool_choice` where it is not a word."""

    type: str
    function: NamedFunction | None = None
    allowed_tools: AllowedTools | None = None
    custom: Any = None


class Tools(NamedTuple):
    """Tools in OpenAI's form, as the template sees them, and the choice among them."""

    tools: tuple[dict[str, Any], ...]
    choice: ToolChoice


def read_tools(tools: Sequence[Tool] | None, choice: str | Choice | None, parallel: bool | None) -> Tools:
    """Raises InvalidRequest with the path of what is wrong; a choice must be among the tools."""
    tools = tools or ()
    if len(tools) > MAX_TOOLS:
        raise InvalidRequest(f"at most {MAX_TOOLS} tools are taken, not {len(tools)}", "tools")
    known = {}
    for i, tool in enumerate(tools):
        function = _function(tool, f"tools[{i}]")
        if function.name in known:
            raise InvalidRequest(f"{function.name!r} is there twice", f"tools[{i}].function.name")
        known[function.name] = {"type": "function", "function": _without_nulls(function)}
    kind, name, allowed = _choice(choice, known)
    if kind in ("required", "named") and not known:
        raise InvalidRequest("needs tools to choose from", "tool_choice")
    if not known:
        return Tools((), ToolChoice("none"))
    offered = tuple(tool for key, tool in known.items() if allowed is None or key in allowed)
    return Tools(offered, ToolChoice(kind, name, parallel is not False and kind != "named"))  # which is called once


def check_tool_name(name: str, where: str) -> None:
    """Raises InvalidRequest for a name that no dialect takes."""
    if not (1 <= len(name) <= _MAX_NAME and name.isascii() and name.isprintable() and " " not in name):
        raise InvalidRequest(f"must be 1 to {_MAX_NAME} ASCII characters without spaces", where)


def _function(tool: Tool, where: str) -> Function:
    if tool.type != "function":
        raise InvalidRequest(f"must be 'function'; {tool.type[:64]!r} is not offered", f"{where}.type")
    if tool.function is None:
        raise InvalidRequest("is missing", f"{where}.function")
    check_tool_name(tool.function.name, f"{where}.function.name")
    check_nesting(tool.function.parameters, f"{where}.function.parameters")
    return tool.function


def _without_nulls(function: Function) -> dict[str, Any]:
    return {key: value for key, value in msgspec.structs.asdict(function).items() if value is not None}


def _choice(choice: str | Choice | None, known: dict[str, Any]) -> tuple[Any, str, set[str] | None]:
    """The kind of a choice, the one tool named, and the tools it is limited to."""
    where = "tool_choice"
    if choice is None or isinstance(choice, str):
        if choice not in (None, "auto", "none", "required"):
            raise InvalidRequest("must be none, auto, required or an object that names a tool", where)
        return choice or "auto", "", None
    if choice.type == "function" and choice.function is not None:
        _must_know(choice.function.name, known, f"{where}.function.name")
        return "named", choice.function.name, None
    if choice.type == "allowed_tools" and choice.allowed_tools is not None:
        at = f"{where}.allowed_tools"
        names = [_name(tool, f"{at}.tools[{i}]") for i, tool in enumerate(choice.allowed_tools.tools)]
        for i, name in enumerate(names):
            _must_know(name, known, f"{at}.tools[{i}].function.name")
        if choice.allowed_tools.mode not in ("auto", "required"):
            raise InvalidRequest("must be auto or required", f"{at}.mode")
        return choice.allowed_tools.mode, "", set(names)
    if choice.type in ("function", "allowed_tools"):
        raise InvalidRequest("is missing", f"{where}.{choice.type}")
    raise InvalidRequest("must be function or allowed_tools", f"{where}.type")


def _name(tool: dict[str, Any], where: str) -> str:
    function = tool.get("function")
    if tool.get("type") != "function" or not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise InvalidRequest('must be {"type": "function", "function": {"name": ...}}', where)
    return str(function["name"])


def _must_know(name: str, known: dict[str, Any], where: str) -> None:
    if name not in known:
        raise InvalidRequest(f"{name[:64]!r} is not among the tools", where)
