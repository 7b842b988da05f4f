"""A text that a language model wrote, with what it was asked: gathered as its pieces come, for whoever keeps it."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from headrace.errors import HeadraceError
from headrace.generation import Delta, Generate, Generated
from headrace.servable import Reply
from headrace.types import ModelVersion, Request, Response


class Choice(msgspec.Struct, frozen=True):
    """One of the texts of an answer."""

    text: str
    token_ids: tuple[int, ...] = ()  # none where what the text says must not be kept
    reasoning: str = ""
    tool_calls: tuple[tuple[str, str], ...] = ()  # a name, and arguments as JSON text
    finish: str = ""


class Text(msgspec.Struct, frozen=True):
    """What was asked, whatever the dialect, and what was answered."""

    ask: Mapping[str, Any]  # `generation.Generate` as JSON has it
    choices: tuple[Choice, ...]
    prompt_tokens: int
    completion_tokens: int
    first_token_ms: float


Keep = Callable[[Request, ModelVersion, Text], None]
"""Takes what was asked, of which version, and the whole answer."""


class Gathering:
    """Stands before the reply to one request, which gets everything first; only an answer that came whole is kept."""

    def __init__(self, request: Request, ask: Generate, reply: Reply, keep: Keep) -> None:
        self._request = request
        self._ask = ask
        self._reply = reply
        self._keep = keep
        self._deltas: dict[int, list[Delta]] = {}
        self._first_token_ns = 0

    def __call__(self, answer: Response | HeadraceError) -> None:
        self._reply(answer)
        if isinstance(answer, HeadraceError) or not isinstance(answer.result, Generated):
            return
        generated = answer.result
        self._first_token_ns = self._first_token_ns or generated.times.first_token_ns
        for delta in generated.deltas:
            self._deltas.setdefault(delta.index, []).append(delta)
        if answer.final:
            self._keep(self._request, answer.model, self._text(generated))

    def _text(self, last: Generated) -> Text:
        choices = tuple(_choice(self._deltas[index]) for index in sorted(self._deltas))
        ask = msgspec.to_builtins(msgspec.structs.replace(self._ask, salt=""))  # whose cache it was is nobody's concern
        usage, first_ms = last.usage, round(self._first_token_ns / 1e6, 4)
        return Text(ask, choices, usage.prompt_tokens, usage.completion_tokens, first_ms)


def _choice(deltas: list[Delta]) -> Choice:
    calls: dict[int, tuple[str, str]] = {}
    for call in (call for delta in deltas for call in delta.tool_calls):
        name, arguments = calls.get(call.index, ("", ""))
        calls[call.index] = name + call.name, arguments + call.arguments
    return Choice(
        "".join(delta.text for delta in deltas),
        tuple(token for delta in deltas for token in delta.token_ids),
        "".join(delta.reasoning for delta in deltas),
        tuple(calls[index] for index in sorted(calls)),
        next((delta.finish for delta in reversed(deltas) if delta.finish), ""),
    )
