"""TOML as people write it, read within bounds: no text takes its reader without end, nor whoever walks what it says.

Knows no key.
"""

import re
import tomllib
from collections.abc import Iterable
from datetime import date
from datetime import time as clock_time
from typing import Any

MAX_PARTS = 16  # of a dotted key: Python's reader takes memory by the square of their number
MAX_DIGITS = 100
MAX_DEPTH = 64  # of tables and lists in one another

_COMMENTS_AND_STRINGS = re.compile(
    r"""\#[^\n]*+|"{3}(?:[^"\\]++|\\[\s\S]|"{1,2}(?!"))*+(?:"{3,5})?|'{3}(?:[^']++|'{1,2}(?!'))*+(?:'{3,5})?"""
    r"""|"(?:[^"\\\n]++|\\.)*+"?|'[^'\n]*+'?"""
)
"""One that is not closed is the parser's to refuse: here it goes on to its end, so that no place is looked at twice."""

_NUMBER = re.compile(rf"(?<![\w.-])[+-]?[0-9][0-9a-zA-Z_]{{{MAX_DIGITS}}}")
_KEYS = str.maketrans("", "", " \t-_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")


def read_toml(text: str) -> dict[str, Any]:
    """What it says. Raises ValueError where it is no TOML or out of bounds, in words that go on from a file's name."""
    check_toml(text)
    try:
        tree = tomllib.loads(text)
    except ValueError as error:  # TOMLDecodeError, whose words end in line and column, or a number beyond all bounds
        raise ValueError(f"is not TOML: {error}") from None
    except RecursionError:
        raise ValueError("is nested too deep") from None
    if _is_deep(tree):
        raise ValueError("is nested too deep")
    return tree


def check_toml(text: str) -> None:
    """Raises ValueError where a key has so many parts, or a number so many digits, that it takes long."""
    bare = _COMMENTS_AND_STRINGS.sub("", text)  # what is left has dots in keys, and one in a number
    if "." * MAX_PARTS in bare.translate(_KEYS):
        raise ValueError(f"has a key of more than {MAX_PARTS} parts")
    if _NUMBER.search(bare):
        raise ValueError(f"has a number of more than {MAX_DIGITS} digits")


def written(value: object) -> str:
    """A value about as somebody wrote it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date | clock_time):
        return value.isoformat()
    if isinstance(value, list):
        return f"[{', '.join(map(written, value))}]"
    if isinstance(value, dict):
        inside = ", ".join(f"{key} = {written(each)}" for key, each in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    return repr(value)


def _is_deep(tree: dict[str, Any]) -> bool:
    level: list[Any] = [tree]
    for _ in range(MAX_DEPTH):
        level = [inner for each in level for inner in _inside(each) if isinstance(inner, dict | list)]
    return bool(level)


def _inside(each: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return each.values() if isinstance(each, dict) else each
