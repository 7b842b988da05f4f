"""The input of a response as OpenAI writes it, in items, checked; and as a chat template reads it.

An item that was read is written as the API lists it: with an id, its content in parts. So are the items of an answer:
a conversation that goes on is nothing but its items. One that is kept may be sent as a reference, its id alone.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from headrace.errors import InvalidRequest
from headrace.protocols.elements import check_nested_texts
from headrace.protocols.openai.messages import read_arguments
from headrace.protocols.openai.response_tools import full_name
from headrace.protocols.strict_body import Body, Listed

Items = tuple[Mapping[str, Any], ...]

Kept = Callable[[str, str], Mapping[str, Any]]
"""An item that is kept, by its id and the path where that stands. Raises NotFound where there is none."""

_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
_FIELDS = {
    "message": {"role", "content", "phase"},
    "reasoning": {"summary", "content", "encrypted_content"},
    "function_call": {"call_id", "name", "namespace", "arguments", "caller"},
    "function_call_output": {"call_id", "output", "name", "namespace", "caller"},
}
"""The items that can be read, and what each has besides type, id and status."""

_REFERENCE = "item_reference"

_PART_FIELDS = ("annotations", "logprobs", "prompt_cache_breakpoint")
"""What a part of text may have besides, without effect: answers come back as they were given."""


class Part(Body, frozen=True, kw_only=True):
    type: str
    text: str | None = None
    refusal: str | None = None
    annotations: list[Any] | None = None
    logprobs: list[Any] | None = None
    prompt_cache_breakpoint: Any = None
    # of parts that are not read
    image_url: Any = None
    detail: Any = None
    file_id: Any = None
    file_data: Any = None
    file_url: Any = None
    filename: Any = None
    input_audio: Any = None


class Item(Body, frozen=True, kw_only=True):
    type: str | None = None  # null: message
    id: str | None = None
    status: str | None = None
    role: str | None = None
    content: str | Listed[Part] | None = None
    phase: str | None = None
    call_id: str | None = None
    name: str | None = None
    namespace: str | None = None
    arguments: str | None = None
    caller: dict[str, Any] | None = None
    output: str | Listed[Part] | None = None
    summary: Listed[Part] | None = None
    encrypted_content: str | None = None  # an answer's has none
    # of items that are not read
    action: Any = None
    queries: Any = None
    results: Any = None
    tools: Any = None


_PREFIXES = {"message": "msg", "reasoning": "rs", "function_call": "fc", "function_call_output": "fc"}


def new_item_id(kind: str) -> str:
    """An id for an item: the prefix of its kind, and random digits."""
    return f"{_PREFIXES[kind]}_{secrets.token_hex(12)}"


def read_items(given: str | Sequence[Item], kept: Kept, where: str = "input") -> Items:
    """The items of an input, those that are referred to as they are kept.

    Raises InvalidRequest with the path of what is wrong, or not read by a model of text, and NotFound with that of a
    reference.
    """
    if isinstance(given, str):
        given = [Item(role="user", content=given)]
    check_nested_texts([item.arguments or "" for item in given], where)
    referred: set[str] = set()
    items = []
    for i, item in enumerate(given):
        at = f"{where}[{i}]"
        items.append(_kept(item, kept, referred, at) if _is_reference(item) else _item(item, at))
    return tuple(items)


def _is_reference(item: Item) -> bool:
    """Also where it does not say so, and is nothing but an id."""
    return item.type == _REFERENCE or (item.id is not None and item == Item(id=item.id))


def _kept(item: Item, kept: Kept, referred: set[str], where: str) -> Mapping[str, Any]:
    """What is referred to. Once: a long item would be read as often as its short id fits into a body."""
    _check_fields(item, _REFERENCE, set(), where)
    id_ = _given(item.id, f"{where}.id")
    if id_ in referred:
        raise InvalidRequest("is referred to above already; an item stands once in a conversation", f"{where}.id")
    referred.add(id_)
    return kept(id_, f"{where}.id")


def _item(item: Item, where: str) -> Mapping[str, Any]:
    kind = item.type or "message"
    if kind not in _FIELDS:
        kinds = ", ".join((*_FIELDS, _REFERENCE))
        raise InvalidRequest(f"the model takes {kinds}, not {kind[:64]!r}", f"{where}.type")
    _check_fields(item, kind, _FIELDS[kind], where)
    if item.caller is not None and item.caller.get("type") != "direct":
        raise InvalidRequest("only the model itself calls tools; must be direct", f"{where}.caller.type")
    readers = {
        "message": _message,
        "reasoning": _thoughts,
        "function_call": _call,
        "function_call_output": _result,
    }
    read = readers[kind]
    return {"id": item.id or new_item_id(kind), "type": kind, "status": "completed"} | read(item, where)


def _check_fields(item: Item, kind: str, known: set[str], where: str) -> None:
    for name in Item.__struct_fields__:
        if name not in ("type", "id", "status", *known) and getattr(item, name) is not None:
            raise InvalidRequest(f"is not for items of type {kind}", f"{where}.{name}")


def _message(item: Item, where: str) -> dict[str, Any]:
    if item.role not in _ROLES:
        given = "null" if item.role is None else repr(item.role[:64])
        raise InvalidRequest(f"must be one of {', '.join(_ROLES)}, not {given}", f"{where}.role")
    kind = "output_text" if item.role == "assistant" else "input_text"
    content = [{"type": kind, "text": text} for text in _texts(item.content, f"{where}.content")]
    return {"role": item.role, "content": content}


def _thoughts(item: Item, where: str) -> dict[str, Any]:
    """Of those that come encrypted from elsewhere nothing can be read but their summary."""
    content = _texts(item.content, f"{where}.content") if item.content is not None else []
    summary = _texts(item.summary, f"{where}.summary") if item.summary is not None else []
    return {
        "summary": [{"type": "summary_text", "text": text} for text in summary],
        "content": [{"type": "reasoning_text", "text": text} for text in content],
    }


def _call(item: Item, where: str) -> dict[str, Any]:
    arguments = _given(item.arguments, f"{where}.arguments")
    read_arguments(arguments, f"{where}.arguments")
    call_id, name = _given(item.call_id, f"{where}.call_id"), _given(item.name, f"{where}.name")
    namespace = {"namespace": item.namespace} if item.namespace else {}
    return {"call_id": call_id, "name": name, **namespace, "arguments": arguments}


def _result(item: Item, where: str) -> dict[str, Any]:
    output = "\n".join(_texts(item.output, f"{where}.output"))
    return {"call_id": _given(item.call_id, f"{where}.call_id"), "output": output}


def _texts(content: str | list[Part] | None, where: str) -> list[str]:
    if content is None:
        raise InvalidRequest("is missing", where)
    if isinstance(content, str):
        return [content]
    return [_text(part, f"{where}[{i}]") for i, part in enumerate(content)]


_TEXTS = ("input_text", "output_text", "text", "refusal", "reasoning_text", "summary_text")


def _text(part: Part, where: str) -> str:
    if part.type not in _TEXTS:
        raise InvalidRequest(f"the model takes text only, not {part.type[:64]!r}", f"{where}.type")
    name = "refusal" if part.type == "refusal" else "text"
    for other in Part.__struct_fields__:
        if other not in ("type", name, *_PART_FIELDS) and getattr(part, other) is not None:
            raise InvalidRequest(f"is not for parts of type {part.type}", f"{where}.{other}")
    return _given(part.refusal if part.type == "refusal" else part.text, f"{where}.{name}")


def _given(value: str | None, where: str) -> str:
    if value is None:
        raise InvalidRequest("is missing", where)
    return value


def template_messages(instructions: str | None, items: Items) -> tuple[dict[str, Any], ...]:
    """What the template sees: instructions first, calls and thoughts in the assistant's message they belong to."""
    check_nested_texts([item["arguments"] for item in items if item["type"] == "function_call"], "input")
    seen: list[dict[str, Any]] = [{"role": "system", "content": instructions}] if instructions else []
    for item in items:
        if item["type"] == "message":
            text = "\n".join(part["text"] for part in item["content"])
            _say(seen, _ROLES[item["role"]], text)
        elif item["type"] == "reasoning":
            thoughts = "\n".join(part["text"] for part in item["content"] or item["summary"])
            if thoughts:
                seen.append({"role": "assistant", "content": "", "reasoning_content": thoughts})
        elif item["type"] == "function_call_output":
            seen.append({"role": "tool", "tool_call_id": item["call_id"], "content": item["output"]})
        else:
            if not seen or seen[-1]["role"] != "assistant":
                seen.append({"role": "assistant", "content": ""})
            seen[-1].setdefault("tool_calls", []).append(_template_call(item))
    return tuple(seen)


def _say(seen: list[dict[str, Any]], role: str, text: str) -> None:
    """A message; an answer stands with the thoughts before it."""
    if role == "assistant" and seen and "reasoning_content" in seen[-1] and not seen[-1]["content"]:
        seen[-1]["content"] = text
    else:
        seen.append({"role": role, "content": text})


def _template_call(item: Mapping[str, Any]) -> dict[str, Any]:
    name = full_name(item["name"], item.get("namespace"))
    function = {"name": name, "arguments": read_arguments(item["arguments"], "")}
    return {"id": item["call_id"], "type": "function", "function": function}
