"""The grammar that a choice of tools enforces: at least one call, in the model's form, with arguments by its schema."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from headrace.errors import InvalidRequest
from headrace.generation import Grammar, ToolChoice
from headrace.llm.grammar_schema import enforceable
from headrace.llm.grammar_source import choice_expression, lark_text
from headrace.llm.tool_calls import ToolFormat

Tool = Mapping[str, Any]


def call_grammar(
    tools: Sequence[Tool],
    choice: ToolChoice,
    form: ToolFormat,
    special_id: Callable[[str], int | None] = lambda mark: None,
    answer: Grammar | None = None,
) -> Grammar | None:
    """What an answer to `choice` must be; None where anything goes.

    `answer` is what one must be that calls nothing, where calls are left to the model: of a kind that `JOINED` has.

    A choice of `required` or a name is enforced; `auto` binds only the calls of tools that are `strict`, and only where
    the form has a mark that begins a call. Arguments of a strict tool follow its schema, which must be enforceable;
    those of others follow it but for the keywords that are not. `special_id` gives the token of a mark that the
    vocabulary has as a special one. Raises InvalidRequest with the path of what is wrong in the tool's `parameters`.
    """
    if choice.kind == "none" or not tools:
        return None
    strict = any(tool["function"].get("strict") for tool in tools)
    if choice.kind == "auto" and answer is None and not (strict and form.begin):
        return None
    named = [(at, tool) for at, tool in enumerate(tools) if choice.kind != "named" or _name(tool) == choice.name]
    if not named:
        raise InvalidRequest(f"{choice.name!r} is none of the tools", "tool_choice")
    bodies = [_body(tool["function"], form, f"tools[{at}].function.parameters") for at, tool in named]
    rules = [f"b{at}: %json {msgspec.json.encode(body).decode()}" for at, body in enumerate(bodies)]
    if choice.kind != "auto":
        head = _forced(form, choice, special_id)
    elif answer is None:
        head = _auto(form, choice, special_id)
    else:
        head = ["start: calls | answer", f"answer: {_answer(answer)}", *_forced(form, choice, special_id, "calls")]
    lines = ("%llguidance {}", *head, "body: " + " | ".join(f"b{at}" for at in range(len(bodies))), *rules)
    return Grammar("lark", "\n".join(lines) + "\n", "tools")


def _name(tool: Tool) -> str:
    return str(tool["function"]["name"])


JOINED = ("json_object", "json_schema", "choice")
"""Kinds of grammars that an answer may be held to while tools may be called instead."""


def _answer(grammar: Grammar) -> str:
    if grammar.kind == "choice":
        return f"/{choice_expression(grammar.source, grammar.where)}/"
    schema = enforceable(grammar.source, grammar.where) if grammar.kind == "json_schema" else {"type": "object"}
    return f"%json {msgspec.json.encode(schema).decode()}"


def _forced(
    form: ToolFormat, choice: ToolChoice, special_id: Callable[[str], int | None], name: str = "start"
) -> list[str]:
    more = "" if form.listed else _more(form, "call", choice)
    if not form.begin:
        return [f"{name}: call{more}", "call: body"]
    return [f"{name}: call{more}", f"call: {_mark(form.begin, special_id)} {_inside(form, choice, special_id)}"]


def _auto(form: ToolFormat, choice: ToolChoice, special_id: Callable[[str], int | None]) -> list[str]:
    """Free text, in which the mark begins a call."""
    start = "start: call* TEXT" if choice.parallel else "start: TEXT | call"
    text = "TEXT: /(.|\\n)*/"
    special = special_id(form.begin)
    if special is not None:
        return [start, text, f"call: TEXT <[{special}]> {_inside(form, choice, special_id)}"]
    return [start, text, f"head[lazy]: TEXT {lark_text(form.begin)}", f"call: head {_inside(form, choice, special_id)}"]


def _more(form: ToolFormat, what: str, choice: ToolChoice) -> str:
    """Any number of others behind the first, where there may be several."""
    return f" ({lark_text(form.between)} {what})*" if choice.parallel else ""


def _inside(form: ToolFormat, choice: ToolChoice, special_id: Callable[[str], int | None]) -> str:
    if form.listed:
        return f'/ ?/ "[" body{_more(form, "body", choice)} "]"'
    return f"/\\n?/ body /\\n?/ {_mark(form.end, special_id)}"


def _mark(mark: str, special_id: Callable[[str], int | None]) -> str:
    special = special_id(mark)
    return lark_text(mark) if special is None else f"<[{special}]>"


def _body(function: Mapping[str, Any], form: ToolFormat, where: str) -> dict[str, Any]:
    """The schema of the object that calls one tool."""
    arguments = dict(_arguments(function, where))
    definitions = arguments.pop("$defs", None)
    body: dict[str, Any] = {
        "type": "object",
        "properties": {"name": {"const": function["name"]}, form.arguments: arguments},
        "required": ["name", form.arguments],
        "additionalProperties": False,
    }
    return body if definitions is None else {**body, "$defs": definitions}  # references lead from the root


def _arguments(function: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """The schema of a tool's arguments, which are an object whatever it says: any, where it is none as a whole."""
    strict = bool(function.get("strict"))
    parameters = function.get("parameters")
    if not parameters:  # where they are left out there are none; {} leaves them open
        return {"type": "object", "additionalProperties": parameters is not None and not strict}
    try:
        reduced = enforceable(msgspec.json.encode(parameters).decode(), where, lenient=not strict)
    except InvalidRequest:
        if strict:
            raise
        reduced = True
    if not isinstance(reduced, dict):
        return {"type": "object"} if reduced else {"allOf": [False]}
    if reduced.get("type") == "object":
        return reduced
    return {"type": "object", "allOf": [{key: value for key, value in reduced.items() if key != "$defs"}]} | {
        key: value for key, value in reduced.items() if key == "$defs"
    }
