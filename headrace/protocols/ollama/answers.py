"""Answers of chat and generate, whole or a line a piece; the two differ only in how a text is wrapped."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from headrace.deltas import by_choice
from headrace.errors import HeadraceError
from headrace.generation import Delta, Generated, TokenLogprob, ToolCall, Usage
from headrace.protocols.ollama.errors import error_body
from headrace.protocols.openai.pieces import Around, finite
from headrace.protocols.sse import one_line

Wrap = Callable[[str, str], dict[str, Any]]
"""A text and thoughts as the answer has them: `{"response": text, "thinking": thoughts}`, or in a message."""


class Head(msgspec.Struct, frozen=True):
    """What is known of an answer before it is made."""

    model: str  # as it was asked for
    created_at: str
    elapsed_ns: Callable[[], int]  # since the request arrived


def written(now_s: float) -> str:
    """A time as Ollama writes it; Unix time."""
    return datetime.fromtimestamp(now_s, UTC).isoformat().replace("+00:00", "Z")


def in_response(text: str, thoughts: str = "") -> dict[str, Any]:
    return {"response": text} | _thinking(thoughts)


def in_message(text: str, thoughts: str = "") -> dict[str, Any]:
    return {"message": {"role": "assistant", "content": text} | _thinking(thoughts)}


def _thinking(thoughts: str) -> dict[str, str]:
    return {"thinking": thoughts} if thoughts else {}


def loaded(head: Head, wrap: Wrap) -> dict[str, Any]:
    """The answer to a request without a prompt, which only wants the model to be loaded."""
    return _begun(head) | wrap("", "") | {"done": True, "done_reason": "load"}


def whole(head: Head, wrap: Wrap, generated: Generated) -> dict[str, Any]:
    """The answer in one."""
    (delta,) = by_choice(generated.deltas)
    answer = _begun(head) | wrap(delta.text, delta.reasoning)
    if calls := calls_json(delta.tool_calls):
        answer["message"]["tool_calls"] = calls
    if delta.logprobs:
        answer["logprobs"] = logprobs_json(delta.logprobs)
    return answer | _end(head, delta, generated)


def calls_json(calls: Sequence[ToolCall]) -> list[dict[str, Any]]:
    """Calls with their arguments as objects; one that was cut off is no call."""
    found = []
    for call in calls:
        try:
            arguments = msgspec.json.decode(call.arguments or "{}", type=dict[str, Any])
        except (msgspec.DecodeError, RecursionError):
            continue
        function = {"index": call.index, "name": call.name, "arguments": arguments}
        found.append({"id": call.id, "function": function})
    return found


def logprobs_json(tokens: Sequence[TokenLogprob]) -> list[dict[str, Any]]:
    """Each token with its alternatives, where they were asked for."""
    return [
        _token_json(token) | ({"top_logprobs": [_token_json(each) for each in token.top]} if token.top else {})
        for token in tokens
    ]


def _token_json(token: TokenLogprob) -> dict[str, Any]:
    return {"token": token.token, "logprob": finite(token.logprob), "bytes": list(token.bytes)}


def _begun(head: Head) -> dict[str, Any]:
    return {"model": head.model, "created_at": head.created_at}


def _end(head: Head, delta: Delta, generated: Generated) -> dict[str, Any]:
    """Why it ended, and what it took; the model was loaded before."""
    elapsed_ns, times = head.elapsed_ns(), generated.times
    return {
        "done": True,
        "done_reason": "length" if delta.finish == "length" else "stop",
        "total_duration": elapsed_ns,
        "load_duration": 0,
        "prompt_eval_count": generated.usage.prompt_tokens,
        "prompt_eval_duration": max(0, times.first_token_ns - times.queued_ns),
        "eval_count": generated.usage.completion_tokens,
        "eval_duration": max(0, elapsed_ns - times.first_token_ns),
    }


class LineWriter:
    """A streamed answer, a JSON object a line: texts, then whole calls of tools, then how it ended."""

    def __init__(self, head: Head, wrap: Wrap) -> None:
        self._head = head
        self._wrap = wrap
        self._text = Around(self._piece, b"", b"\n")
        self._calls: dict[int, ToolCall] = {}  # as far as they have come
        self._last = Delta(), Generated((), Usage(0, 0))

    def news(self, which: int, generated: Generated) -> bytes:
        lines = []
        for delta in generated.deltas:
            self._last = delta, generated
            if delta.reasoning:
                lines.append(_line(self._piece("", delta.reasoning)))
            if delta.logprobs:
                lines.append(_line(self._piece(delta.text) | {"logprobs": logprobs_json(delta.logprobs)}))
            elif delta.text:
                lines.append(self._text.event(delta.text))
            for call in delta.tool_calls:
                self._gather(call)
        return b"".join(lines)

    def failed(self, error: HeadraceError) -> bytes:
        return _line(error_body(error))

    def end(self) -> bytes:
        lines = []
        if calls := calls_json(list(self._calls.values())):
            piece = self._piece("")
            piece["message"]["tool_calls"] = calls
            lines.append(_line(piece))
        lines.append(_line(_begun(self._head) | self._wrap("", "") | _end(self._head, *self._last)))
        return b"".join(lines)

    def _piece(self, text: str, thoughts: str = "") -> dict[str, Any]:
        return _begun(self._head) | self._wrap(text, thoughts) | {"done": False}

    def _gather(self, call: ToolCall) -> None:
        old = self._calls.get(call.index)
        if old is None:
            self._calls[call.index] = call
        else:
            self._calls[call.index] = ToolCall(call.index, old.arguments + call.arguments, old.id, old.name)


def _line(value: dict[str, Any]) -> bytes:
    return one_line(value) + b"\n"
