"""A conversation as Ollama writes it, checked, and as a chat template reads it."""

from collections.abc import Sequence
from typing import Any

from headrace.errors import InvalidRequest
from headrace.protocols.strict_body import Body, check_nesting

_ROLES = ("system", "user", "assistant", "tool")


class CalledFunction(Body, frozen=True, kw_only=True):
    name: str
    arguments: dict[str, Any] | None = None
    description: str | None = None
    index: int | None = None


class CalledTool(Body, frozen=True, kw_only=True):
    function: CalledFunction
    id: str | None = None
    type: str | None = None


class Message(Body, frozen=True, kw_only=True):
    """One message; content that is not there is empty."""

    role: str
    content: str | None = None
    thinking: str | None = None
    images: list[Any] | None = None
    tool_calls: list[CalledTool] | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None


def template_messages(messages: Sequence[Message]) -> tuple[dict[str, Any], ...]:
    """What the template sees, in OpenAI's form. Raises InvalidRequest with the path of what is wrong or not read."""
    return tuple(_message(message, f"messages[{i}]") for i, message in enumerate(messages))


def refuse_images(images: Sequence[Any] | None, where: str) -> None:
    """Raises InvalidRequest where there is one."""
    if images:
        raise InvalidRequest("the model takes text only", where)


def _message(message: Message, where: str) -> dict[str, Any]:
    if message.role not in _ROLES:
        raise InvalidRequest(f"must be one of {', '.join(_ROLES)}, not {message.role[:64]!r}", f"{where}.role")
    refuse_images(message.images, f"{where}.images")
    seen: dict[str, Any] = {"role": message.role, "content": message.content or ""}
    if message.tool_calls:
        if message.role != "assistant":
            raise InvalidRequest("only the assistant calls tools", f"{where}.tool_calls")
        seen["tool_calls"] = [_call(call, f"{where}.tool_calls[{i}]") for i, call in enumerate(message.tool_calls)]
    optional = {
        "name": message.tool_name,
        "tool_call_id": message.tool_call_id,
        "reasoning_content": message.thinking,
    }
    return seen | {name: value for name, value in optional.items() if value}


def _call(call: CalledTool, where: str) -> dict[str, Any]:
    if call.type not in (None, "function"):
        raise InvalidRequest("must be 'function'", f"{where}.type")
    check_nesting(call.function.arguments, f"{where}.function.arguments")
    function = {"name": call.function.name, "arguments": call.function.arguments or {}}
    return {"id": call.id or "", "type": "function", "function": function}
