"""The tools of a response, which OpenAI writes flat here, and whether they must be called.

Of their kinds the caller's functions are offered, also those that are grouped in a namespace. What clients send of
their own accord, and any answer can do without, is left out and named; every other kind is refused.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from headrace.errors import InvalidRequest
from headrace.generation import ToolChoice
from headrace.protocols.openai.tools import MAX_TOOLS, Tools, check_tool_name
from headrace.protocols.strict_body import Body, Reader, check_nesting

LEFT_OUT = (
    "web_search",
    "web_search_2025_08_26",
    "web_search_preview",
    "web_search_preview_2025_03_11",
    "image_generation",
)
"""What OpenAI runs, a model may use or not, and names nothing of the caller's: an answer without it is one to the same
question. Codex sends them whatever it is asked."""

_INSTEAD = {
    "file_search": "send in input what is to be read",
    "code_interpreter": "give a function that runs code",
    "mcp": "give the server's tools as functions, and call them yourself",
    "tool_search": "every tool is told to the model",
}


class FunctionTool(Body, frozen=True, kw_only=True):
    """A function of the caller's."""

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


class Namespace(Body, frozen=True, kw_only=True):
    """Functions under a name of their own: another namespace may have one of the same name."""

    type: str
    name: str
    description: str | None = None
    tools: list[msgspec.Raw]


class Typed(msgspec.Struct, frozen=True):
    """Of a tool, what says which fields it has."""

    type: str


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


class ResponseTools(NamedTuple):
    """Tools as the template sees them, and what else an answer tells of them."""

    tools: Tools
    told: tuple[dict[str, Any], ...]  # those that are offered, as they were written
    names: Mapping[str, tuple[str, str]]  # by what the model calls it, the namespace and name of a function in one
    left_out: tuple[str, ...]  # kinds


_TYPED = Reader(Typed)
_FUNCTION = Reader(FunctionTool)
_NAMESPACE = Reader(Namespace)


def full_name(name: str, namespace: str | None) -> str:
    """What the model calls a function: no two have the same, whatever their namespaces."""
    return f"{namespace}.{name}" if namespace else name


def read_tools(
    tools: Sequence[msgspec.Raw] | None, choice: str | FunctionChoice | None, parallel: bool | None
) -> ResponseTools:
    """Raises InvalidRequest with the path of what is wrong; a choice must be among the tools."""
    tools = tools or ()
    if len(tools) > MAX_TOOLS:
        raise InvalidRequest(f"at most {MAX_TOOLS} tools are taken, not {len(tools)}", "tools")
    found = _Found()
    for i, tool in enumerate(tools):
        found.add(tool, f"tools[{i}]")
    chosen, allowed = _choice(choice, found, parallel is not False)
    offered = {name: tool for name, tool in found.known.items() if allowed is None or name in allowed}
    if chosen.kind in ("required", "named") and not offered:
        without = f"; {found.left_out[0]} is not offered" if found.left_out else ""
        raise InvalidRequest(f"needs tools to choose from{without}", "tool_choice")
    read = Tools(found.introduced(offered), chosen) if offered else Tools((), ToolChoice("none"))
    return ResponseTools(read, tuple(found.told), found.names, tuple(dict.fromkeys(found.left_out)))


class _Found:
    """What the tools of one request come to, one after another."""

    def __init__(self) -> None:
        self.known: dict[str, dict[str, Any]] = {}
        self.names: dict[str, tuple[str, str]] = {}
        self.told: list[dict[str, Any]] = []
        self.left_out: list[str] = []
        self._about: dict[str, str] = {}  # a namespace, what its description says

    def add(self, written: msgspec.Raw, where: str) -> None:
        """A tool; which fields it may have is its type's to say."""
        kind = _TYPED.decode(written, where).type
        if kind in LEFT_OUT:
            self.left_out.append(kind)
            return
        if kind == "namespace":
            self._add_namespace(_NAMESPACE.decode(written, where), where)
        else:
            self._add_function(written, kind, where)
        told = msgspec.json.decode(written)
        self.told.append({name: value for name, value in told.items() if value is not None})

    def introduced(self, offered: Mapping[str, dict[str, Any]]) -> tuple[dict[str, Any], ...]:
        """As the template sees them: what a namespace says of itself stands once, before its first function's own."""
        about = dict(self._about)
        seen = []
        for name, function in offered.items():
            said = about.pop(self.names[name][0], "") if name in self.names else ""
            described = {"description": "\n".join(filter(None, (said, function.get("description"))))} if said else {}
            seen.append({"type": "function", "function": function | described})
        return tuple(seen)

    def _add_namespace(self, namespace: Namespace, where: str) -> None:
        check_tool_name(namespace.name, f"{where}.name")
        if namespace.name in self._about:
            raise InvalidRequest(f"{namespace.name!r} is there twice", f"{where}.name")
        self._about[namespace.name] = namespace.description or ""
        for i, written in enumerate(namespace.tools):
            at = f"{where}.tools[{i}]"
            self._add_function(written, _TYPED.decode(written, at).type, at, namespace.name)

    def _add_function(self, written: msgspec.Raw, kind: str, where: str, namespace: str = "") -> None:
        if kind != "function":
            instead = _INSTEAD.get(kind, "give as a function what you run yourself")
            kinds = "function" if namespace else "function or namespace"
            raise InvalidRequest(f"must be {kinds}; {kind[:64]!r} is not offered: {instead}", f"{where}.type")
        function = _function(_FUNCTION.decode(written, where), where)
        name = full_name(function["name"], namespace)
        if name in self.known:
            raise InvalidRequest(f"{name!r} is there twice", f"{where}.name")
        if len(self.known) == MAX_TOOLS:
            raise InvalidRequest(f"at most {MAX_TOOLS} functions are taken", "tools")
        if namespace:
            self.names[name] = namespace, function["name"]
        self.known[name] = function | {"name": name}


def _function(tool: FunctionTool, where: str) -> dict[str, Any]:
    if tool.name is None:
        raise InvalidRequest("is missing", f"{where}.name")
    check_tool_name(tool.name, f"{where}.name")
    check_nesting(tool.parameters, f"{where}.parameters")
    if tool.allowed_callers not in (None, ["direct"]):
        raise InvalidRequest('must be ["direct"]: only the model itself calls tools', f"{where}.allowed_callers")
    for name in ("defer_loading", "output_schema", "asynchronous"):
        if getattr(tool, name):
            raise InvalidRequest("is not offered", f"{where}.{'async' if name == 'asynchronous' else name}")
    fields = {name: getattr(tool, name) for name in ("name", "description", "parameters", "strict")}
    return {name: value for name, value in fields.items() if value is not None}


def _choice(choice: str | FunctionChoice | None, found: _Found, parallel: bool) -> tuple[ToolChoice, set[str] | None]:
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
        name = _known(choice.name, found.known, f"{where}.name")
        return ToolChoice("named", name, parallel=False), None  # called once
    if choice.type != "allowed_tools":
        raise InvalidRequest(f"must be function or allowed_tools; {choice.type[:64]!r} is not offered", f"{where}.type")
    allowed = set()
    for i, named in enumerate(choice.tools or ()):
        if named.type in found.left_out:
            continue
        if named.type != "function":
            raise InvalidRequest("must be 'function'", f"{where}.tools[{i}].type")
        allowed.add(_known(named.name, found.known, f"{where}.tools[{i}].name"))
    match choice.mode:
        case "auto" | "required":
            return ToolChoice(choice.mode, "", parallel), allowed
    raise InvalidRequest("must be auto or required", f"{where}.mode")


def _known(name: str | None, known: Mapping[str, Any], where: str) -> str:
    if name is None or name not in known:
        fault = "is missing" if name is None else f"{name[:64]!r} is not among the tools"
        raise InvalidRequest(fault, where)
    return name
