"""What a schema finds wrong in a table, in words that say where it is and what would be right."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from headrace.toml_text import written

Tables = Mapping[str, type[msgspec.Struct]]
"""The struct of each table by its path, `[...]` for any index or key: `inputs[...]`."""

_WORDS = {
    "`int`": "a whole number",
    "`float`": "a number",
    "`str`": "text",
    "`bool`": "true or false",
    "`array`": "a list",
    "`object`": "a table",
}


def unknown_key(raw: Mapping[str, Any], tables: Tables) -> tuple[str, str] | None:
    """The message and path of the first key that no table knows, or None."""
    for path, pattern, table in _walk(raw, tables):
        known = [field.name for field in msgspec.structs.fields(tables[pattern])]
        for key in table:
            if key not in known:
                close = get_close_matches(key, known, n=1)
                hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"
                return f"unknown key; {hint}", _join(path, key)
    return None


def explain(error: msgspec.ValidationError, raw: Mapping[str, Any], tables: Tables) -> tuple[str, str]:
    """The message and path of what msgspec found wrong in a table."""
    text, _, path = str(error).partition(" - at `$")
    path = path.rstrip("`").lstrip(".")
    where, value = _place(error, raw, path, tables[""])
    if missing := re.fullmatch(r"Object missing required field `(.+)`", text):
        return "is missing", _join(where, missing[1])
    field = _field(path, tables)
    if choices := _choices(field):
        return f"{_found(value)}choose one of: {', '.join(choices)}", where
    if isinstance(value, list) and text.startswith("Expected `object") and _field(several := f"{path}s", tables):
        return f"is one; for several say [[{several}]]", where
    expected = re.sub(r", got .*| \| null(?=$|[ ,])|Expected |`null \| ", "", text)
    return f"{_found(value)}expected {_takes(field) or _in_words(expected)}", where


def _walk(
    table: Mapping[str, Any], tables: Tables, path: str = "", pattern: str = ""
) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Each table that has a struct, with its path and the pattern of that path, from the outside in."""
    yield path, pattern, table
    for key, value in table.items():
        inner, inner_pattern = _join(path, key), _join(pattern, key)
        for at, item in _items(value):
            item_pattern = inner_pattern if at is None else f"{inner_pattern}[...]"
            if isinstance(item, Mapping) and item_pattern in tables:
                yield from _walk(item, tables, f"{inner}{at or ''}", item_pattern)


def _items(value: Any) -> Iterator[tuple[str | None, Any]]:
    """The value itself, at None, and what is inside it, at its index or key."""
    yield None, value
    if isinstance(value, Mapping):
        yield from ((f".{name}", item) for name, item in value.items())
    elif isinstance(value, list):
        yield from ((f"[{index}]", item) for index, item in enumerate(value))


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _place(
    error: msgspec.ValidationError, raw: Mapping[str, Any], path: str, root: type[msgspec.Struct]
) -> tuple[str, Any]:
    """The path with the user's own names, where msgspec says `[...]`, and what the file has there."""
    steps: list[str | int] = []
    where = ""
    for key, index in re.findall(r"([A-Za-z_]\w*)|\[(\d+|\.\.\.)\]", path):
        step = int(index) if index.isdigit() else key or _name_at_fault(error, raw, steps, root)
        where = f"{where}[{step}]" if isinstance(step, int) else _join(where, step)
        steps.append(step)
    return where, _at(raw, steps)


def _name_at_fault(
    error: msgspec.ValidationError, raw: Mapping[str, Any], steps: Sequence[str | int], root: type[msgspec.Struct]
) -> str:
    """Which of the names in a table is: the last of the fewest that make this error. msgspec tells the first fault."""
    named: Mapping[str, Any] = _at(raw, steps)
    names = list(named)

    def is_among(number: int) -> bool:
        few = {name: named[name] for name in names[:number]}
        try:
            msgspec.convert(_replaced(raw, steps, few), root)
        except msgspec.ValidationError as other:
            return str(other) == str(error)
        return False

    return names[bisect_left(range(1, len(names) + 1), True, key=is_among)]


def _replaced(raw: Any, steps: Sequence[str | int], value: Any) -> Any:
    """The same with another value there; what is beside the way to it is shared."""
    if not steps:
        return value
    copied = raw.copy()
    copied[steps[0]] = _replaced(raw[steps[0]], steps[1:], value)
    return copied


def _at(raw: Any, steps: Iterable[str | int]) -> Any:
    for step in steps:
        raw = raw[step]
    return raw


def _found(value: Any) -> str:
    """The value at fault as the file has it, shortened."""
    shown = written(value)
    return f"says {shown if len(shown) <= 60 else shown[:57] + '...'}; "


def _field(path: str, tables: Tables) -> Any:
    """The annotation of the field that a path ends in; None where that is inside of one."""
    table, _, field = re.sub(r"\[\d+\]", "[...]", path).rpartition(".")
    return get_type_hints(tables[table], include_extras=True).get(field) if table in tables else None


def _choices(field: Any) -> list[str]:
    """What may be chosen, where it takes nothing else."""
    kinds = [kind for kind in get_args(field) if kind is not type(None)]
    if get_origin(field) is Literal:
        return [str(choice) for choice in kinds]
    if not kinds or any(get_origin(kind) is not Literal for kind in kinds):
        return []
    return [str(choice) for kind in kinds for choice in get_args(kind)]


def _takes(field: Any) -> str:
    """What its annotation says that it takes; empty where the type says all."""
    metas = field.__metadata__ if get_origin(field) is Annotated else ()
    return next((meta.extra["takes"] for meta in metas if meta.extra), "")


def _in_words(expected: str) -> str:
    """msgspec's `int | null` or `int` >= 1, as a person would say it."""
    kinds, bound = re.fullmatch(r"(`[^`]*`)(.*)", expected, re.DOTALL).groups()  # type: ignore[union-attr]
    names = [_WORDS.get(f"`{kind}`", kind) for kind in kinds.strip("`").split(" | ") if kind != "null"]
    bound = (
        bound.replace(" of length >= 1", " that is not empty")
        .replace(">=", "of at least")
        .replace("<=", "of at most")
        .replace(">", "above")
    )
    return " or ".join(names) + bound
