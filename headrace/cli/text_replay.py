"""A captured text asked for again: the body that does, whatever dialect it came in, and how two answers differ."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from headrace.cli.captured import Text
from headrace.cli.failure import Failure

CHAT, COMPLETIONS = "/v1/chat/completions", "/v1/completions"

_SAMPLING = {
    "allowed_ids": "allowed_token_ids",
    "stop_ids": "stop_token_ids",
    "include_stop": "include_stop_str_in_output",
}
"""Fields of `generation.Sampling` that the wire calls otherwise."""

_NOT_ASKED = ("penalty_window", "logprobs", "prompt_logprobs")
_GRAMMARS = {"json_schema": "json", "lark": "grammar"}
"""Kinds of `generation.Grammar` that the wire calls otherwise."""

_AS_IT_WAS = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "repetition_penalty": 1.0}
"""What a capture leaves out, since it is `generation.Sampling`'s own: a model may recommend another where nothing is
said."""

_SHOWN = 20  # characters


class Answer(NamedTuple):
    """One of the texts of an answer."""

    text: str
    token_ids: Sequence[int]


def body_of(text: Text, model: str) -> tuple[str, dict[str, Any]]:
    """The path to ask at, and the body. Raises Failure where what was asked is not kept."""
    ask = text.ask
    prompt: Mapping[str, Any] = ask.get("prompt") or {}
    body: dict[str, Any] = {"model": model, "return_token_ids": True, "n": ask.get("n", 1), **_AS_IT_WAS}
    for name, value in (ask.get("sampling") or {}).items():
        if name not in _NOT_ASKED:
            body[_SAMPLING.get(name, name)] = value
    if ask.get("grammar"):
        body["structured_outputs"] = _grammar(ask["grammar"])
    if prompt.get("add_special_tokens") is not None:
        body["add_special_tokens"] = prompt["add_special_tokens"]
    if prompt.get("truncate_to"):
        body["truncate_prompt_tokens"] = prompt["truncate_to"]
    if prompt.get("messages") is not None:
        return CHAT, body | _chat(prompt)
    said = prompt.get("token_ids") if prompt.get("text") is None else prompt["text"]
    if said is None:
        raise Failure("what was asked is not kept (capture.redact)")
    body.setdefault("max_tokens", text.completion_tokens or 1)
    return COMPLETIONS, body | {"prompt": said, "echo": bool(ask.get("echo"))}


def answers_of(path: str, told: Mapping[str, Any]) -> list[Answer]:
    """The texts of an answer. Raises Failure where it is not one."""
    try:
        choices = sorted(told["choices"], key=lambda choice: int(choice["index"]))
        return [
            Answer(
                (choice["message"]["content"] or "") if path == CHAT else choice["text"], choice.get("token_ids") or ()
            )
            for choice in choices
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise Failure(f"the server's answer is not one of OpenAI's form: {error!r}") from error


def difference(before: Sequence[Answer], after: Sequence[Answer], drawn: bool) -> str:
    """How answers are apart, in words; empty where they are the same. `drawn`: without a seed, so that they may be."""
    hint = "; it was drawn, without a seed" if drawn else ""
    if len(before) != len(after):
        return f"{len(after)} texts, not {len(before)}"
    for number, (was, now) in enumerate(zip(before, after, strict=True)):
        which = f" of text {number}" if len(before) > 1 else ""
        if was.token_ids and now.token_ids and list(was.token_ids) != list(now.token_ids):
            at = _first(was.token_ids, now.token_ids)
            return f"from token {at + 1}{which} on, of {len(was.token_ids)} then and {len(now.token_ids)} now{hint}"
        if was.text != now.text:
            at = _first(was.text, now.text)
            return (
                f"from character {at + 1}{which} on: {now.text[at : at + 20]!r}, not {was.text[at : at + 20]!r}{hint}"
            )
    return ""


def is_drawn(text: Text) -> bool:
    """Whether chance had a part in it that nobody can repeat."""
    sampling = text.ask.get("sampling") or {}
    return sampling.get("temperature", 1.0) > 0 and sampling.get("seed") is None


def _chat(prompt: Mapping[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {"messages": prompt["messages"]}
    if not prompt.get("add_generation_prompt", True):
        body["add_generation_prompt"] = False
    if prompt.get("continue_final_message"):
        body["continue_final_message"] = True
    if prompt.get("chat_template") is not None:
        body["chat_template"] = prompt["chat_template"]
    if arguments := prompt.get("template_arguments"):
        body["chat_template_kwargs"] = arguments
    if tools := prompt.get("tools"):
        body["tools"] = tools
        body |= _tool_choice(prompt.get("tool_choice") or {})
    thinking = prompt.get("thinking") or {}
    if thinking.get("max_tokens") is not None:
        body["thinking_token_budget"] = thinking["max_tokens"]
    if effort := thinking.get("effort") or ("none" if thinking.get("on") is False else ""):
        body["reasoning_effort"] = effort
    return body


def _tool_choice(choice: Mapping[str, Any]) -> dict[str, Any]:
    kind, name = choice.get("kind", "auto"), choice.get("name", "")
    chosen: Any = {"type": "function", "function": {"name": name}} if kind == "named" else kind
    return {"tool_choice": chosen, "parallel_tool_calls": choice.get("parallel", True)}


def _grammar(grammar: Mapping[str, Any]) -> dict[str, Any]:
    kind, source = grammar["kind"], grammar.get("source", "")
    value: Any = True if kind == "json_object" else json.loads(source) if kind in ("choice", "json_schema") else source
    return {_GRAMMARS.get(kind, kind): value}


def _first(before: Sequence[object], after: Sequence[object]) -> int:
    """The first place where they differ."""
    pairs = zip(before, after, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(before), len(after)))
