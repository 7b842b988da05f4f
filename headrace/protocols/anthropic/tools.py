"""The tools that a model may call, as Anthropic writes them, and whether it must."""

from collections.abc import Sequence
from typing import Any, Literal

from headrace.errors import InvalidRequest
from headrace.generation import ToolChoice
from headrace.protocols.anthropic.content import CacheControl
from headrace.protocols.openai.tools import MAX_TOOLS, Tools, check_tool_name
from headrace.protocols.strict_body import Body, check_nesting


class Tool(Body, frozen=True, kw_only=True):
    """A tool of the caller's own; those that Anthropic runs itself are known by `type`, to be refused."""

    name: str
    input_schema: dict[str, Any] | None = None
    description: str | None = None
    type: str | None = None
    strict: bool | None = None
    cache_control: CacheControl | None = None
    eager_input_streaming: bool | None = None  # input is always streamed as it comes
    allowed_callers: list[str] | None = None
    defer_loading: bool | None = None
    input_examples: list[dict[str, Any]] | None = None
    # of tools that Anthropic runs
    max_uses: Any = None
    allowed_domains: Any = None
    blocked_domains: Any = None
    user_location: Any = None
    citations: Any = None
    max_content_tokens: Any = None
    max_characters: Any = None
    display_width_px: Any = None
    display_height_px: Any = None
    display_number: Any = None
    enable_zoom: Any = None


_OF_OTHERS = Tool.__struct_fields__[Tool.__struct_fields__.index("max_uses") :]


class Choice(Body, frozen=True, kw_only=True):
    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


def read_tools(tools: Sequence[Tool] | None, choice: Choice | None) -> Tools:
    """Raises InvalidRequest with the path of what is wrong; a choice must be among the tools."""
    tools = tools or ()
    if len(tools) > MAX_TOOLS:
        raise InvalidRequest(f"at most {MAX_TOOLS} tools are taken, not {len(tools)}", "tools")
    known = {}
    for i, tool in enumerate(tools):
        function = _function(tool, f"tools[{i}]")
        if tool.name in known:
            raise InvalidRequest(f"{tool.name!r} is there twice", f"tools[{i}].name")
        known[tool.name] = {"type": "function", "function": function}
    chosen = _choice(choice or Choice(type="auto"), known)
    return Tools(tuple(known.values()), chosen) if known else Tools((), ToolChoice("none"))


def _function(tool: Tool, where: str) -> dict[str, Any]:
    if tool.type not in (None, "custom"):
        raise InvalidRequest(f"only tools of your own are called; {tool.type[:64]!r} is not offered", f"{where}.type")
    if tool.input_schema is None:
        raise InvalidRequest("is missing", f"{where}.input_schema")
    if tool.allowed_callers not in (None, ["direct"]):
        raise InvalidRequest('must be ["direct"]: only the model itself calls tools', f"{where}.allowed_callers")
    if tool.defer_loading:
        raise InvalidRequest("is not offered; every tool is told to the model", f"{where}.defer_loading")
    if tool.input_examples:
        raise InvalidRequest("is not offered; write examples into the description", f"{where}.input_examples")
    for name in _OF_OTHERS:
        if getattr(tool, name) is not None:
            raise InvalidRequest("is not for tools of your own", f"{where}.{name}")
    check_tool_name(tool.name, f"{where}.name")
    check_nesting(tool.input_schema, f"{where}.input_schema")
    function: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    function["parameters"] = tool.input_schema
    if tool.strict is not None:
        function["strict"] = tool.strict
    return function


def _choice(choice: Choice, known: dict[str, Any]) -> ToolChoice:
    where = "tool_choice"
    if choice.name is not None and choice.type != "tool":
        raise InvalidRequest("is only for the type tool", f"{where}.name")
    if choice.type == "tool" and choice.name not in known:
        fault = "is missing" if choice.name is None else f"{choice.name[:64]!r} is not among the tools"
        raise InvalidRequest(fault, f"{where}.name")
    if choice.type == "any" and not known:
        raise InvalidRequest("needs tools to choose from", where)
    parallel = not choice.disable_parallel_tool_use
    match choice.type:
        case "tool":
            return ToolChoice("named", choice.name or "", parallel)
        case "any":
            return ToolChoice("required", "", parallel)
        case kind:
            return ToolChoice(kind, "", parallel)
