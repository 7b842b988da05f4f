"""A grammar as it was asked for to the source that the compiler takes; what would cost too much is refused."""

import json
import re
from collections.abc import Callable
from typing import Any

import msgspec
from llguidance import LLMatcher
from llguidance.gbnf_to_lark import is_lark_syntax

from headrace.errors import InvalidRequest
from headrace.generation import Grammar
from headrace.llm.gbnf import to_lark
from headrace.llm.grammar_regex import ascii_classes, check_repeats
from headrace.llm.grammar_schema import enforceable

MAX_REGEX = 16_384  # characters
MAX_LARK = 524_288
MAX_CHOICES = 10_000
MAX_CHOICE_CHARACTERS = 262_144  # of all choices together
MAX_JOINED = 12  # times that a grammar may say that expressions hold at once, or not: each doubles the work

_LITERAL = re.compile(r'"(?:\\.|[^"\\\n])*"|/(?:\\.|[^/\\\n])+/')

WHITESPACE = r"(?: |\r?\n[ \t]{0,32})"
"""Between the parts of JSON at most once: a space, or a new line and its indentation. More would let a model idle."""


def compiled_source(grammar: Grammar) -> str:
    """What the compiler takes. Raises InvalidRequest, with the grammar's `where`."""
    return _KINDS[grammar.kind](grammar.source, grammar.where)


def json_grammar(schema: Any) -> str:
    """The source for a schema that was checked already."""
    return str(LLMatcher.grammar_from_json_schema(msgspec.json.encode(with_options(schema)).decode()))


def with_options(schema: Any) -> Any:
    """A checked schema that carries the options of its compiling, as the compiler reads them."""
    return {"x-guidance": _OPTIONS} | (schema if isinstance(schema, dict) else {"allOf": [schema]})


_OPTIONS = {"whitespace_pattern": WHITESPACE, "lenient": False, "coerce_one_of": False}


def _json_object(source: str, where: str) -> str:
    return json_grammar({"type": "object"})


def _json_schema(source: str, where: str) -> str:
    return json_grammar(enforceable(source, where))


def _regex(source: str, where: str) -> str:
    if len(source) > MAX_REGEX:
        raise InvalidRequest(f"has at most {MAX_REGEX:,} characters, not {len(source):,}", where)
    check_repeats(source, where)
    return str(LLMatcher.grammar_from_regex(ascii_classes(source)))


def _choice(source: str, where: str) -> str:
    return str(LLMatcher.grammar_from_regex(choice_expression(source, where)))


def choice_expression(source: str, where: str) -> str:
    """One regular expression: of a rule's alternatives, each that may still come is an item of every step."""
    return "|".join(map(_expression, choices(source, where)))


def _expression(text: str) -> str:
    """A text as a regular expression: ASCII's marks are written so that they mean themselves."""
    return "".join(each if each.isalnum() or each > "\x7f" else f"\\U{ord(each):08x}" for each in text)


def choices(source: str, where: str) -> list[str]:
    """The texts of a grammar that is a choice, each once. Raises InvalidRequest."""
    try:
        found = msgspec.json.decode(source, type=list[str])
    except msgspec.DecodeError as error:
        raise InvalidRequest(f"is a list of texts: {error}", where) from error
    if not found:
        raise InvalidRequest("must have at least one choice", where)
    if len(found) > MAX_CHOICES or sum(map(len, found)) > MAX_CHOICE_CHARACTERS:
        raise InvalidRequest(f"has at most {MAX_CHOICES:,} choices of {MAX_CHOICE_CHARACTERS:,} characters", where)
    return list(dict.fromkeys(found))


def lark_text(text: str) -> str:
    """A text as a literal of a Lark grammar."""
    return json.dumps(text, ensure_ascii=False)


def _lark(source: str, where: str) -> str:
    if len(source) > MAX_LARK:
        raise InvalidRequest(f"has at most {MAX_LARK:,} characters, not {len(source):,}", where)
    try:
        lark = source if is_lark_syntax(source) else to_lark(source)
    except Exception as error:  # the library raises nothing narrower
        raise InvalidRequest(f"is neither Lark nor GBNF: {error}", where) from error
    return str(LLMatcher.grammar_from_lark(_with_checked_schemas(lark, where)))


def _with_checked_schemas(lark: str, where: str) -> str:
    """The grammar with its `%json` schemas checked as any other, and bound to the same whitespace."""
    parts: list[str] = []
    rules: list[str] = []
    at = 0
    for found in re.finditer(r"%json\s*", lark):
        if found.start() < at:
            continue  # within a schema
        try:
            schema, end = json.JSONDecoder().raw_decode(lark, found.end())
        except (ValueError, RecursionError) as error:
            raise InvalidRequest(f"%json is followed by a schema: {error}", where) from error
        checked = with_options(enforceable(json.dumps(schema), f"{where}: %json"))
        rules.append(lark[at : found.end()])
        parts += [lark[at : found.end()], json.dumps(checked)]
        at = end
    _check_rules("\n".join((*rules, lark[at:])), where)
    return "".join((*parts, lark[at:]))


def _check_rules(rules: str, where: str) -> None:
    """Raises InvalidRequest for rules, without the schemas in them, that cost too much to compile."""
    check_repeats(rules, where)
    joined = sum(map(_LITERAL.sub("", rules).count, "&~"))
    if joined > MAX_JOINED:
        raise InvalidRequest(f"may have & and ~ at most {MAX_JOINED} times, not {joined}", where)


_KINDS: dict[str, Callable[[str, str], str]] = {
    "json_object": _json_object,
    "json_schema": _json_schema,
    "regex": _regex,
    "choice": _choice,
    "lark": _lark,
}
