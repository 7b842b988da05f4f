"""What must not be kept of a text and of what was asked for it, by a rule for each of the two."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from headrace.capture.text import Choice, Text

PROMPT, ANSWER = "prompt", "answer"
"""The fields that rules name."""

Change = Callable[[str], str]

_KEPT = ("role", "type", "id", "tool_call_id")
"""Of messages: words that say nothing of what was said."""

_WORDS = ("messages", "text", "template_arguments")
"""Of a prompt, where its words stand. Tokens are words, too, and no word can be taken out of them."""


def redacted(text: Text, prompt: Change | None, answer: Change | None) -> Text:
    """The same with every word changed; None leaves that side as it is."""
    if prompt is not None:
        text = msgspec.structs.replace(text, ask=_ask(text.ask, prompt))
    if answer is not None:
        text = msgspec.structs.replace(text, choices=tuple(_choice(each, answer) for each in text.choices))
    return text


def without(text: Text, *, prompt: bool, answer: bool) -> Text:
    """The same without one side or both."""
    if prompt:
        text = msgspec.structs.replace(text, ask={key: value for key, value in text.ask.items() if key != PROMPT})
    if answer:
        text = msgspec.structs.replace(text, choices=())
    return text


def _ask(ask: Mapping[str, Any], change: Change) -> dict[str, Any]:
    said = {key: _changed(value, change) if key in _WORDS else value for key, value in ask.get(PROMPT, {}).items()}
    said.pop("token_ids", None)
    return {**ask, PROMPT: said}


def _choice(choice: Choice, change: Change) -> Choice:
    calls = tuple((name, change(arguments)) for name, arguments in choice.tool_calls)
    return Choice(change(choice.text), (), change(choice.reasoning) if choice.reasoning else "", calls, choice.finish)


def _changed(value: Any, change: Change) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {key: each if key in _KEPT else _changed(each, change) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_changed(each, change) for each in value]
    return value
