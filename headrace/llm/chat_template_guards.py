"""What a chat template may call and compute, each measured before it makes much of little.

A template may use these methods of its values, these filters and these operators. Widths are small, and what
multiplies (`replace`, `join`, `*`) is computed with lengths before it is done with text.
"""

import json
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sized
from typing import Any

from headrace.llm.chat_template_budget import ELEMENT, Budget

MAX_WIDTH = 999  # characters that a width, an indentation or a precision may ask for
MAX_INDENT = 16  # of JSON, for each level
MAX_BITS = 4_096  # of an integer

METHODS: Mapping[type, frozenset[str]] = {
    str: frozenset(
        (
            *(
                "capitalize",
                "casefold",
                "count",
                "endswith",
                "find",
                "format",
                "index",
                "isalnum",
                "isalpha",
                "isascii",
            ),
            *(
                "isdecimal",
                "isdigit",
                "islower",
                "isnumeric",
                "isspace",
                "istitle",
                "isupper",
                "join",
                "lower",
                "lstrip",
            ),
            *("partition", "removeprefix", "removesuffix", "replace", "rfind", "rindex", "rpartition", "rsplit"),
            *("rstrip", "split", "splitlines", "startswith", "strip", "swapcase", "title", "upper"),
        )
    ),
    dict: frozenset(("copy", "get", "items", "keys", "values")),
    list: frozenset(("copy", "count", "index")),
    tuple: frozenset(("count", "index")),
    int: frozenset(("bit_length", "is_integer")),
    float: frozenset(("is_integer",)),
}
"""What may be called of a value: nothing that pads, translates or changes it in place."""

TEXT_FILTERS = frozenset(
    (
        *("capitalize", "e", "escape", "format", "indent", "join", "lower", "replace", "safe", "string", "title"),
        *("tojson", "trim", "truncate", "upper", "wordcount"),
    )
)
"""Those that make text of whatever they are given."""

FILTERS = TEXT_FILTERS | frozenset(
    (
        *("abs", "batch", "count", "d", "default", "dictsort", "first", "float", "groupby", "int", "items", "last"),
        *("length", "list", "map", "max", "min", "reject", "rejectattr", "reverse", "round", "select", "selectattr"),
        *("slice", "sort", "sum", "unique"),
    )
)


class Refused(Exception):
    """The template asks for what it may not have."""


def may_call(method: Any) -> bool:
    """Whether a method that Python itself brings may be called."""
    owner, name = getattr(method, "__self__", None), getattr(method, "__name__", "")
    return any(type(owner) is kind and name in names for kind, names in METHODS.items())


def before(name: str, owner: Any, arguments: tuple[Any, ...], named: Mapping[str, Any], budget: Budget) -> None:
    """Measure what the method or filter `name` of `owner`, called with these, may make at the most."""
    budget.step()
    if name == "replace" and not named.keys() <= {"count"}:
        raise Refused("`replace` with named arguments")
    others = (*arguments, *named.values())
    if name in ("batch", "indent", "round", "slice") and any(isinstance(o, int) and abs(o) > MAX_WIDTH for o in others):
        raise Refused(f"`{name}` by more than {MAX_WIDTH}")
    if name == "sum" and any(not isinstance(other, int | float | str) for other in others):
        raise Refused("`sum` of anything but numbers")
    if name in ("list", "split", "rsplit", "splitlines", "groupby", "batch") and isinstance(owner, Sized):
        budget.afford(ELEMENT * _pieces(name, owner, others))
    if name in TEXT_FILTERS or name == "sum" or isinstance(owner, str):
        budget.afford(_text(name, owner, others, budget))


def _pieces(name: str, owner: Sized, others: tuple[Any, ...]) -> int:
    """At most how many elements a list made of `owner` has."""
    if name in ("split", "rsplit") and isinstance(owner, str) and others and isinstance(others[0], str) and others[0]:
        return owner.count(others[0]) + 1
    return len(owner)


def _text(name: str, owner: Any, others: tuple[Any, ...], budget: Budget) -> int:
    """At most how many characters there are in the text that is made."""
    size = budget.measure(owner)
    texts = [other for other in others if isinstance(other, str)]
    if name == "replace" and len(texts) > 1:
        old, new = texts[:2]
        return size + (size if not isinstance(owner, str) or not old else owner.count(old)) * len(new) + len(new)
    if name == "join":
        pieces = max((len(value) for value in (owner, *others) if isinstance(value, Sized)), default=0)
        separator = len(owner) if isinstance(owner, str) else max(map(len, texts), default=0)
        return size + sum(map(budget.measure, others)) + pieces * max(separator, max(map(len, texts), default=0))
    if name == "indent":
        lines = str(owner).count("\n") + 1 if isinstance(owner, str) else size
        return size + lines * max((other if isinstance(other, int) else len(str(other)) for other in others), default=4)
    if name == "format":
        return _formatted(str(owner), others, budget)
    if name == "tojson" and any(isinstance(other, int) and not isinstance(other, bool) for other in others):
        return size * 12 + MAX_INDENT * _levels(owner, 1, budget)
    if name in ("tojson", "e", "escape"):
        return size * 12  # every character escaped, and half of a pair for each
    return size


def _levels(value: Any, depth: int, budget: Budget) -> int:
    """By how many levels the lines that this takes as JSON are indented, all together."""
    budget.step()
    if isinstance(value, Mapping):
        value = value.values()
    elif not isinstance(value, list | tuple):
        return depth
    return 2 * depth + sum(_levels(part, depth + 1, budget) for part in value)


_WIDE = re.compile(r"%[^a-zA-Z%]*(?:\d{4}|\*)|\{[^{}]*(?:\d{4}|\{)")
"""A width of four digits in a format, or one that comes from a value."""


def _formatted(text: str, values: tuple[Any, ...], budget: Budget) -> int:
    if _WIDE.search(text):
        raise Refused(f"a width of more than {MAX_WIDTH} in a format")
    fields = 1 + text.count("{") + text.count("%")
    return len(text) + fields * (MAX_WIDTH + max(map(budget.measure, values), default=0))


def operate(operation: str, left: Any, right: Any, budget: Budget) -> Any:
    """An operator's result, measured before it is computed."""
    budget.step()
    if operation == "%" and isinstance(left, str):
        budget.afford(_formatted(left, right if isinstance(right, tuple) else (right,), budget))
    elif isinstance(left, int) and isinstance(right, int):
        _check_integers(operation, left, right)
    elif operation == "*":
        for many, times in ((left, right), (right, left)):
            if isinstance(many, str | list | tuple) and isinstance(times, int):
                budget.afford((1 if isinstance(many, str) else ELEMENT) * len(many) * max(0, times))
    made = _OPERATORS[operation](left, right)
    budget.charge(made)
    return made


def _check_integers(operation: str, left: int, right: int) -> None:
    bits = left.bit_length() * max(0, right) if operation == "**" else left.bit_length() + right.bit_length()
    if bits > MAX_BITS:
        raise Refused(f"an integer of more than {MAX_BITS:,} bits")


_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "*": operator.mul,
    "**": operator.pow,
    "//": operator.floordiv,
    "%": operator.mod,
}
OPERATORS = frozenset(_OPERATORS)


def joined(parts: Iterable[str], budget: Budget) -> str:
    """Texts one after another, charged before they are joined."""
    texts = list(parts)
    budget.charge_text(sum(map(len, texts)))
    return "".join(texts)


def to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """JSON as transformers writes it for templates: not escaped for HTML, characters as they are."""
    if indent is not None and (not isinstance(indent, int) or indent > MAX_INDENT):
        raise Refused(f"JSON indented by more than {MAX_INDENT}")
    if separators is not None and max(map(len, separators)) > 16:
        raise Refused("JSON separators of more than 16 characters")
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)
