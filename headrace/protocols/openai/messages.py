"""A conversation as OpenAI writes it, checked, and as a chat template reads it."""

from collections.abc import Sequence
from typing import Any

import msgspec

from headrace.errors import InvalidRequest
from headrace.protocols.elements import check_nested_texts
from headrace.protocols.strict_body import Body, Listed, check_nesting

_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant", "tool": "tool"}
_ARGUMENTS = msgspec.json.Decoder(dict[str, Any])


class Part(Body, frozen=True, kw_only=True):
    """A part of a message's content; of these only text can be read."""

    type: str
    text: str | None = None
    refusal: str | None = None
    prompt_cache_breakpoint: Any = None  # every prefix is cached
    image_url: Any = None
    input_audio: Any = None
    video_url: Any = None
    audio_url: Any = None
    file: Any = None


class CalledFunction(Body, frozen=True):
    name: str
    arguments: str = "{}"
    provider_specific_fields: Any = None  # LiteLLM's


class CalledTool(Body, frozen=True, kw_only=True):
    id: str | None = None
    type: str = "function"
    function: CalledFunction
    index: int | None = None  # where a client replays what it was streamed
    provider_specific_fields: Any = None  # LiteLLM's


class Message(Body, frozen=True, kw_only=True):
    """One message. Clients replay answers as they got them, with fields that are null or empty.

    LiteLLM keeps those that it has no name for in `provider_specific_fields`: of answers from here `reasoning`, which
    its message has as `reasoning_content` too.
    """

    role: str
    content: str | Listed[Part] | None = None
    name: str | None = None
    tool_calls: Listed[CalledTool] | None = None
    tool_call_id: str | None = None
    refusal: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    annotations: list[Any] | None = None
    provider_specific_fields: Any = None
    audio: Any = None
    function_call: Any = None


def template_messages(messages: Sequence[Message]) -> tuple[dict[str, Any], ...]:
    """What the template sees: content a string, arguments of calls an object, `developer` read as `system`.

    Raises InvalidRequest with the path of what is wrong, or cannot be read by a model of text.
    """
    if not messages:
        raise InvalidRequest("must have at least one message", "messages")
    calls = [call for message in messages for call in message.tool_calls or ()]
    check_nested_texts([call.function.arguments for call in calls], "messages")
    return tuple(_message(message, f"messages[{i}]") for i, message in enumerate(messages))


def _message(message: Message, where: str) -> dict[str, Any]:
    role = _ROLES.get(message.role)
    if role is None:
        raise InvalidRequest(f"must be one of {', '.join(_ROLES)}, not {message.role[:64]!r}", f"{where}.role")
    if message.audio is not None:
        raise InvalidRequest("audio is not read; the model takes text only", f"{where}.audio")
    if message.function_call is not None:
        raise InvalidRequest("is no longer taken; use tool_calls", f"{where}.function_call")
    content, thoughts = _content(message, f"{where}.content"), message.reasoning_content or message.reasoning
    seen: dict[str, Any] = {"role": role, "content": content}
    if message.tool_calls:
        if role != "assistant":
            raise InvalidRequest("only the assistant calls tools", f"{where}.tool_calls")
        seen["tool_calls"] = [_call(call, f"{where}.tool_calls[{i}]") for i, call in enumerate(message.tool_calls)]
    elif content is None and not (role == "assistant" and thoughts is not None):
        raise InvalidRequest("must be a string or parts of text, not null or left out", f"{where}.content")
    optional = {
        "name": message.name,
        "tool_call_id": message.tool_call_id,
        "reasoning_content": thoughts,
    }
    seen |= {name: value for name, value in optional.items() if value is not None}
    if seen["content"] is None:
        seen["content"] = ""
    return seen


def _content(message: Message, where: str) -> str | None:
    if isinstance(message.content, list):
        return "\n".join(_text(part, f"{where}[{i}]") for i, part in enumerate(message.content))
    return message.refusal if message.content is None else message.content


def _text(part: Part, where: str) -> str:
    if part.type not in ("text", "refusal", "input_text", "output_text"):
        raise InvalidRequest(f"the model takes text only, not {part.type[:64]!r}", f"{where}.type")
    text = part.refusal if part.type == "refusal" else part.text
    if text is None:
        raise InvalidRequest("is missing", f"{where}.{'refusal' if part.type == 'refusal' else 'text'}")
    return text


def read_arguments(text: str, where: str) -> dict[str, Any] | str:
    """What a call was given; as it was written where that is no object in JSON, which models may write."""
    try:
        arguments = _ARGUMENTS.decode(text or "{}")
    except (msgspec.DecodeError, RecursionError):
        return text
    check_nesting(arguments, where)
    return arguments


def _call(call: CalledTool, where: str) -> dict[str, Any]:
    if call.type != "function":
        raise InvalidRequest("must be 'function'", f"{where}.type")
    arguments = read_arguments(call.function.arguments, f"{where}.function.arguments")
    function = {"name": call.function.name, "arguments": arguments}
    return {"id": call.id or "", "type": "function", "function": function}
