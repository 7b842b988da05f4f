"""What a schema finds wrong in a table, in words that say where it is and what would be right."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, get_args, get_type_hints

import msgspec

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
    if missing := re.fullmatch(r"Object missing required field `(.+)`", text):
        return "is missing", _join(path, missing[1])
    if text.startswith("Invalid enum value"):
        return f"{_found(raw, path)}choose one of: {', '.join(_choices(path, tables))}", path
    expected = re.sub(r", got .*| \| null(?=$|[ ,])|Expected |`null \| ", "", text)
    return f"{_found(raw, path)}expected {_in_words(expected)}", path


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


def _found(raw: Any, path: str) -> str:
    """The value at fault as the file has it, shortened; nothing where the path has a name of the user's own."""
    value = raw
    for key, index in re.findall(r"([A-Za-z_]\w*)|\[(\d+|\.\.\.)\]", path):
        if index == "...":
            return ""
        value = value[key] if key else value[int(index)]
    shown = str(value).lower() if isinstance(value, bool) else repr(value)
    return f"says {shown if len(shown) <= 60 else shown[:57] + '...'}; "


def _choices(path: str, tables: Tables) -> list[str]:
    table, _, field = re.sub(r"\[\d+\]", "[...]", path).rpartition(".")
    return [str(choice) for choice in _literals(get_type_hints(tables[table])[field])]


def _literals(hint: Any) -> Iterator[Any]:
    for argument in get_args(hint):
        if isinstance(argument, str | int):
            yield argument
        else:
            yield from _literals(argument)


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
