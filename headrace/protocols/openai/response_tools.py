"""The tools of a response, which OpenAI writes flat here, and whether they must be called."""

from collections.abc import Sequence
from typing import Any

import msgspec

from headrace.errors import InvalidRequest
from headrace.generation import ToolChoice
from headrace.protocols.openai.tools import MAX_TOOLS, Tools, check_tool_name
from headrace.protocols.strict_body import Body, check_nesting


class FunctionTool(Body, frozen=True, kw_only=True):
    """A function of the caller's; tools that OpenAI runs itself are known by `type`, to be refused."""

    type: str
    name: str | None = None
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None
    # refused where they ask for something
    allowed_callers: list[str] | None = None
    defer_loading: bool | None = None
    output_schema: Any = None
    asynchronous: bool | None = msgspec.field(name="async", default=None)
    # of tools that OpenAI runs
    vector_store_ids: Any = None
    max_num_results: Any = None
    filters: Any = None
    ranking_options: Any = None
    search_context_size: Any = None
    user_location: Any = None
    container: Any = None
    server_label: Any = None
    server_url: Any = None
    require_approval: Any = None
    environment: Any = None
    display_width: Any = None
    display_height: Any = None
    format: Any = None


_OF_OTHERS = FunctionTool.__struct_fields__[FunctionTool.__struct_fields__.index("vector_store_ids") :]


class Named(Body, frozen=True, kw_only=True):
    type: str
    name: str | None = None


class FunctionChoice(Body, frozen=True, kw_only=True):
    """`tool_choice` where it is not a word."""

    type: str
    name: str | None = None
    mode: str | None = None
    tools: list[Named] | None = None
    server_label: Any = None


def read_tools(
    tools: Sequence[FunctionTool] | None, choice: str | FunctionChoice | None, parallel: bool | None
) -> Tools:
    """Raises InvalidRequest with the path of what is wrong; a choice must be among the tools."""
    tools = tools or ()
    if len(tools) > MAX_TOOLS:
        raise InvalidRequest(f"at most {MAX_TOOLS} tools are taken, not {len(tools)}", "tools")
    known: dict[str, dict[str, Any]] = {}
    for i, tool in enumerate(tools):
        function = _function(tool, f"tools[{i}]")
        if function["name"] in known:
            raise InvalidRequest(f"{function['name']!r} is there twice", f"tools[{i}].name")
        known[function["name"]] = {"type": "function", "function": function}
    chosen, allowed = _choice(choice, known, parallel is not False)
    if chosen.kind in ("required", "named") and not known:
        raise InvalidRequest("needs tools to choose from", "tool_choice")
    offered = tuple(tool for name, tool in known.items() if allowed is None or name in allowed)
    return Tools(offered, chosen) if known else Tools((), ToolChoice("none"))


def _function(tool: FunctionTool, where: str) -> dict[str, Any]:
    if tool.type != "function":
        raise InvalidRequest(f"must be 'function'; {tool.type[:64]!r} is not offered", f"{where}.type")
    if tool.name is None:
        raise InvalidRequest("is missing", f"{where}.name")
    check_tool_name(tool.name, f"{where}.name")
    check_nesting(tool.parameters, f"{where}.parameters")
    if tool.allowed_callers not in (None, ["direct"]):
        raise InvalidRequest('must be ["direct"]: only the model itself calls tools', f"{where}.allowed_callers")
    for name in ("defer_loading", "output_schema", "asynchronous"):
        if getattr(tool, name):
            raise InvalidRequest("is not offered", f"{where}.{'async' if name == 'asynchronous' else name}")
    for name in _OF_OTHERS:
        if getattr(tool, name) is not None:
            raise InvalidRequest("is not for tools of type function", f"{where}.{name}")
    fields = {name: getattr(tool, name) for name in ("name", "description", "parameters", "strict")}
    return {name: value for name, value in fields.items() if value is not None}


def _choice(
    choice: str | FunctionChoice | None, known: dict[str, Any], parallel: bool
) -> tuple[ToolChoice, set[str] | None]:
    """The choice, and the tools that it is limited to."""
    where = "tool_choice"
    if choice is None or isinstance(choice, str):
        match choice:
            case None | "auto":
                return ToolChoice("auto", "", parallel), None
            case "none" | "required":
                return ToolChoice(choice, "", parallel), None
        raise InvalidRequest("must be none, auto, required or an object that names a tool", where)
    if choice.type == "function":
        return ToolChoice("named", _known(choice.name, known, f"{where}.name"), parallel=False), None  # called once
    if choice.type != "allowed_tools":
        raise InvalidRequest("must be function or allowed_tools", f"{where}.type")
    allowed = set()
    for i, named in enumerate(choice.tools or ()):
        if named.type != "function":
            raise InvalidRequest("must be 'function'", f"{where}.tools[{i}].type")
        allowed.add(_known(named.name, known, f"{where}.tools[{i}].name"))
    match choice.mode:
        case "auto" | "required":
            return ToolChoice(choice.mode, "", parallel), allowed
    raise InvalidRequest("must be auto or required", f"{where}.mode")


def _known(name: str | None, known: dict[str, Any], where: str) -> str:
    if name is None or name not in known:
        fault = "is missing" if name is None else f"{name[:64]!r} is not among the tools"
        raise InvalidRequest(fault, where)
    return name
