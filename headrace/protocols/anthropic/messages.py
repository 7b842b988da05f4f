"""POST /v1/messages and /v1/messages/count_tokens."""

import secrets
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from headrace.errors import HeadraceError
from headrace.generation import Delta, Generated, Tokenize, Tokenized, ToolCall, Usage
from headrace.protocols.anthropic.errors import error_body
from headrace.protocols.anthropic.messages_request import messages_ask, prompt_of, read_count, read_messages
from headrace.protocols.anthropic.thinking import ThinkingBlock, thinking_json
from headrace.protocols.generation import answer_all, generate_all, make_request, stream_all
from headrace.protocols.http import json_response
from headrace.protocols.language_models import find_model
from headrace.protocols.oip.front import Front
from headrace.protocols.openai.pieces import Around
from headrace.protocols.sse import Streamed, named_event


async def messages(front: Front, request: Request) -> Response:
    """Answer whole, or as events."""
    body = await read_messages.read(request, front.max_body_bytes)
    ref, facts = await find_model(front, request, body.model, "generate")
    ask = messages_ask(body, facts)
    omitted = body.thinking is not None and body.thinking.omitted
    head = Head(f"msg_{secrets.token_hex(12)}", body.model, body.max_tokens, omitted)
    asked = make_request(front, request, head.id, ref, ask)
    if ask.stream:
        return Streamed(stream_all(front, [asked], MessageWriter(head)))
    (generated,), spent = await generate_all(front, [asked], request.receive)
    return json_response(message_json(head, generated), headers=spent)


async def count_tokens(front: Front, request: Request) -> Response:
    """How many tokens a conversation has, its tools included."""
    body = await read_count.read(request, front.max_body_bytes)
    ref, facts = await find_model(front, request, body.model, "generate")
    asked = make_request(front, request, f"req_{secrets.token_hex(12)}", ref, Tokenize(prompt_of(body, facts)))
    (tokenized,) = await answer_all(front, [asked], request.receive, Tokenized)
    return json_response({"input_tokens": len(tokenized.token_ids)})


class Head(msgspec.Struct, frozen=True):
    """What is known of an answer before it is made."""

    id: str
    model: str  # as it was asked for
    max_tokens: int
    omits_thoughts: bool = False


def message_json(head: Head, generated: Generated) -> dict[str, Any]:
    """The whole answer."""
    content: list[dict[str, Any]] = []
    for delta in generated.deltas:
        content += thinking_json(delta.reasoning, head.omits_thoughts)
        if delta.text:
            content.append({"type": "text", "text": delta.text})
        content += [_tool_use(call) | {"input": _input(call.arguments)} for call in delta.tool_calls]
    return _message(head, generated.usage, content) | _end(head, generated.deltas[-1], generated.usage)


def _message(head: Head, usage: Usage, content: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": head.id,
        "type": "message",
        "role": "assistant",
        "model": head.model,
        "content": content,
        "stop_reason": None,
        "stop_sequence": None,
        "usage": _usage(usage),
    }


def _usage(usage: Usage) -> dict[str, Any]:
    """Tokens found in the cache are not among the input's."""
    thoughts = {"output_tokens_details": {"thinking_tokens": usage.reasoning_tokens}} if usage.reasoning_tokens else {}
    return {
        "input_tokens": usage.prompt_tokens - usage.cached_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached_tokens,
        "output_tokens": usage.completion_tokens,
        "service_tier": "standard",
        **thoughts,
    }


def _end(head: Head, delta: Delta, usage: Usage) -> dict[str, Any]:
    """Why it ended: where fewer tokens came than were allowed, the context was full."""
    reason, sequence = "end_turn", None
    if delta.finish == "tool_calls":
        reason = "tool_use"
    elif delta.finish == "length":
        reason = "max_tokens" if usage.completion_tokens >= head.max_tokens else "model_context_window_exceeded"
    elif isinstance(delta.stopped_by, str):
        reason, sequence = "stop_sequence", delta.stopped_by
    return {"stop_reason": reason, "stop_sequence": sequence}


def _tool_use(call: ToolCall) -> dict[str, Any]:
    return {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}


def _input(arguments: str) -> dict[str, Any]:
    """Arguments that were cut off are no JSON: of those nothing is told, as `stop_reason` says."""
    try:
        return msgspec.json.decode(arguments or "{}", type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        return {}


class MessageWriter:
    """A streamed answer as events: the message, its blocks one after another, each in pieces, and how it ended."""

    def __init__(self, head: Head) -> None:
        self._head = head
        self._last: Generated | None = None
        self._end: Delta | None = None
        self._index = -1  # of the block that is written
        self._text: Around | None = None  # of a piece of text, while a block of text is open
        self._thoughts: ThinkingBlock | None = None  # while a block of thoughts is open
        self._open = False

    def news(self, which: int, generated: Generated) -> bytes:
        events = []
        if self._last is None:
            message = _message(self._head, generated.usage, [])
            events.append(_event({"type": "message_start", "message": message}))
        self._last = generated
        for delta in generated.deltas:
            events += self._events(delta)
        return b"".join(events)

    def failed(self, error: HeadraceError) -> bytes:
        return _event(error_body(error))

    def end(self) -> bytes:
        assert self._last is not None
        usage = self._last.usage
        ended = _end(self._head, self._end or Delta(), usage)
        return b"".join(
            [
                *self._close(),
                _event({"type": "message_delta", "delta": ended, "usage": _usage(usage)}),
                _event({"type": "message_stop"}),
            ]
        )

    def _events(self, delta: Delta) -> list[bytes]:
        events = self._thinking(delta.reasoning) if delta.reasoning else []
        if delta.text:
            if self._text is None:
                events += self._begin({"type": "text", "text": ""})
                self._text = Around(self._text_delta, b"event: content_block_delta\ndata: ")
            events.append(self._text.event(delta.text))
        for call in delta.tool_calls:
            if call.id or call.name:
                events += self._begin(_tool_use(call))
            if call.arguments:
                events.append(self._delta({"type": "input_json_delta", "partial_json": call.arguments}))
        if delta.finish:
            self._end = delta
        return events

    def _thinking(self, thoughts: str) -> list[bytes]:
        events = []
        if self._thoughts is None:
            events += self._begin({"type": "thinking", "thinking": "", "signature": ""})
            self._thoughts = ThinkingBlock(self._head.omits_thoughts)
        if told := self._thoughts.add(thoughts):
            events.append(self._delta({"type": "thinking_delta", "thinking": told}))
        return events

    def _delta(self, piece: dict[str, Any]) -> bytes:
        return _event({"type": "content_block_delta", "index": self._index, "delta": piece})

    def _text_delta(self, text: str) -> dict[str, Any]:
        return {"type": "content_block_delta", "index": self._index, "delta": {"type": "text_delta", "text": text}}

    def _begin(self, block: dict[str, Any]) -> list[bytes]:
        closed = self._close()
        self._index, self._open = self._index + 1, True
        return [*closed, _event({"type": "content_block_start", "index": self._index, "content_block": block})]

    def _close(self) -> list[bytes]:
        thoughts, was_open = self._thoughts, self._open
        self._thoughts, self._text, self._open = None, None, False
        signed = [self._delta({"type": "signature_delta", "signature": thoughts.signature()})] if thoughts else []
        return [*signed, _event({"type": "content_block_stop", "index": self._index})] if was_open else []


def _event(value: dict[str, Any]) -> bytes:
    return named_event(value["type"], value)
