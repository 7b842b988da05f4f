"""A conversation as Anthropic writes it, in blocks, checked; and as a chat template reads it."""

from collections.abc import Sequence
from typing import Any, Literal, TypeVar

from headrace.errors import InvalidRequest
from headrace.protocols.strict_body import Body, Listed, check_nesting

V = TypeVar("V")

_FIELDS = {
    "text": {"text", "cache_control", "citations"},
    "thinking": {"thinking", "signature"},
    "tool_use": {"id", "name", "input", "cache_control", "caller"},
    "tool_result": {"tool_use_id", "content", "is_error", "cache_control"},
}
"""The blocks that can be read, and what each has besides its type."""

_IN = {
    "system": ("text",),
    "user": ("text", "tool_result"),
    "assistant": ("text", "thinking", "tool_use"),
    "tool_result": ("text",),
}


class CacheControl(Body, frozen=True):
    """Where a prefix ends that is to be cached. Every prefix is, for as long as there is room."""

    type: Literal["ephemeral"]
    ttl: Literal["5m", "1h"] | None = None


class Block(Body, frozen=True, kw_only=True):
    """A block of content; those of other kinds are known, to be refused by their kind."""

    type: str
    text: str | None = None
    cache_control: CacheControl | None = None
    citations: list[Any] | None = None
    thinking: str | None = None
    signature: str | None = None
    id: str | None = None
    name: str | None = None
    input: dict[str, Any] | None = None
    caller: dict[str, Any] | None = None
    tool_use_id: str | None = None
    content: "str | Listed[Block] | None" = None
    is_error: bool | None = None
    toolset_name: str | None = None
    # of blocks that are not read
    source: Any = None
    title: Any = None
    context: Any = None
    data: Any = None
    file_id: Any = None
    server_name: Any = None


Content = str | Listed[Block]


class Message(Body, frozen=True):
    """One message: of the user, who also brings results of tools, of the assistant, or of the system."""

    role: str
    content: Content


def template_messages(system: Content | None, messages: Sequence[Message]) -> tuple[dict[str, Any], ...]:
    """What the template sees, in OpenAI's form: turns of the same role joined, results of tools as messages of tools.

    Raises InvalidRequest with the path of what is wrong, or cannot be read by a model of text.
    """
    if not messages:
        raise InvalidRequest("must have at least one message", "messages")
    seen: list[dict[str, Any]] = []
    if text := _text(system or "", "system", "system"):
        seen.append({"role": "system", "content": text})
    called: dict[str, str] = {}  # names of tools by the ids of their calls
    for i, message in enumerate(messages):
        where = f"messages[{i}]"
        if message.role == "user":
            turns = _of_user(message.content, f"{where}.content", called)
        elif message.role == "assistant":
            turns = [_of_assistant(message.content, f"{where}.content", called)]
        elif message.role == "system":
            turns = [{"role": "system", "content": _text(message.content, "system", f"{where}.content")}]
        else:
            raise InvalidRequest(f"must be user, assistant or system, not {message.role[:64]!r}", f"{where}.role")
        for turn in turns:
            _add(seen, turn)
    if seen[-1].get("tool_calls"):
        raise InvalidRequest("calls tools; the next message must bring their results", f"messages[{len(messages) - 1}]")
    return tuple(seen)


def _add(seen: list[dict[str, Any]], turn: dict[str, Any]) -> None:
    last = seen[-1] if seen else {}
    if turn["role"] != last.get("role") or turn["role"] not in ("user", "assistant"):
        seen.append(turn)
        return
    contents = [each for each in (last["content"], turn["content"]) if each]
    joined = last | turn | {"content": "\n".join(contents)}
    if calls := last.get("tool_calls", []) + turn.get("tool_calls", []):
        joined["tool_calls"] = calls
    seen[-1] = joined


def _of_user(content: Content, where: str, called: dict[str, str]) -> list[dict[str, Any]]:
    """Texts and results in their order."""
    turns: list[dict[str, Any]] = []
    texts: list[str] = []
    for block, at in _blocks(content, "user", where):
        if block.type == "text":
            texts.append(_given(block.text, f"{at}.text"))
            continue
        if texts:
            turns.append({"role": "user", "content": "\n".join(texts)})
            texts = []
        turns.append(_result(block, at, called))
    if texts or not turns:
        turns.append({"role": "user", "content": "\n".join(texts)})
    return turns


def _result(block: Block, where: str, called: dict[str, str]) -> dict[str, Any]:
    id_ = _given(block.tool_use_id, f"{where}.tool_use_id")
    if id_ not in called:
        raise InvalidRequest(f"no tool_use before it has the id {id_[:64]!r}", f"{where}.tool_use_id")
    text = _text(block.content or "", "tool_result", f"{where}.content")
    content = f"Error: {text}" if block.is_error else text
    return {"role": "tool", "tool_call_id": id_, "name": called[id_], "content": content}


def _of_assistant(content: Content, where: str, called: dict[str, str]) -> dict[str, Any]:
    texts, thoughts, calls = [], [], []
    for block, at in _blocks(content, "assistant", where):
        if block.type == "text":
            texts.append(_given(block.text, f"{at}.text"))
        elif block.type == "thinking":
            thoughts.append(_given(block.thinking, f"{at}.thinking"))
        else:
            calls.append(_call(block, at))
            called[calls[-1]["id"]] = calls[-1]["function"]["name"]
    turn: dict[str, Any] = {"role": "assistant", "content": "\n".join(texts)}
    if thoughts:
        turn["reasoning_content"] = "\n".join(thoughts)
    if calls:
        turn["tool_calls"] = calls
    return turn


def _call(block: Block, where: str) -> dict[str, Any]:
    arguments = _given(block.input, f"{where}.input")
    check_nesting(arguments, f"{where}.input")
    function = {"name": _given(block.name, f"{where}.name"), "arguments": arguments}
    return {"id": _given(block.id, f"{where}.id"), "type": "function", "function": function}


def _text(content: Content, of: str, where: str) -> str:
    return "\n".join(_given(block.text, f"{at}.text") for block, at in _blocks(content, of, where))


def _blocks(content: Content, of: str, where: str) -> list[tuple[Block, str]]:
    """The blocks with their paths, each of a kind that may stand there, and without fields of other kinds."""
    if isinstance(content, str):
        return [(Block(type="text", text=content), where)]
    found = []
    for i, block in enumerate(content):
        at = f"{where}[{i}]"
        if block.type not in _IN[of]:
            kinds = ", ".join(_IN[of])
            raise InvalidRequest(f"the model takes {kinds} here, not {block.type[:64]!r}", f"{at}.type")
        _check_fields(block, at)
        found.append((block, at))
    return found


def _check_fields(block: Block, where: str) -> None:
    known = _FIELDS[block.type]
    for name in Block.__struct_fields__:
        if name != "type" and name not in known and getattr(block, name) is not None:
            raise InvalidRequest(f"is not for blocks of type {block.type}", f"{where}.{name}")
    if block.caller is not None and block.caller.get("type") != "direct":
        raise InvalidRequest("only the model itself calls tools; must be direct", f"{where}.caller.type")


def _given(value: V | None, where: str) -> V:
    if value is None:
        raise InvalidRequest("is missing", where)
    return value
