"""Characters as GBNF writes them, in texts and in classes, and as sets that can be held against each other."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

Characters = tuple[tuple[int, int], ...]
"""Ranges of code points, first and last, in no order."""

LAST = 0x10FFFF
ALL: Characters = ((0, LAST),)

_ONE = re.compile(r"\\x(..)|\\[uU]([0-9a-fA-F]*)|\\(.)|(.)", re.DOTALL)
_NAMED = {"n": "\n", "r": "\r", "t": "\t"}


class Class(NamedTuple):
    """What stands in brackets."""

    negated: bool
    ranges: Characters

    @property
    def characters(self) -> Characters:
        return _others(self.ranges) if self.negated else self.ranges

    def __str__(self) -> str:
        """As an expression of Lark's."""
        ranges = "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in self.ranges)
        return f"[{'^' if self.negated else ''}{ranges}]"


def read_text(written: str) -> str:
    """What stands between a text's quotes, without its escapes."""
    return "".join(character for character, _ in _characters(written))


def of_text(written: str) -> list[Characters]:
    """Of such a text, each character as a set of its own."""
    return [((ord(character), ord(character)),) for character in read_text(written)]


def as_lark(text: str) -> str:
    """What stands between the quotes of a text in Lark."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def read_class(written: str) -> Class:
    """Of a class with its brackets; `.` is all that there is."""
    if written == ".":
        return Class(False, ALL)
    inner = written[1:-1]
    negated = inner.startswith("^")
    found = list(_characters(inner[negated:]))
    ranges: list[tuple[int, int]] = []
    at = 0
    while at < len(found):
        first = last = ord(found[at][0])
        if at + 2 < len(found) and found[at + 1] == ("-", False):
            last = ord(found[at + 2][0])
            at += 2
        ranges.append((first, last))
        at += 1
    return Class(negated, tuple(ranges))


def meet(some: Characters, point: int) -> bool:
    """Whether the code point is one of them."""
    return any(first <= point <= last for first, last in some)


def parted(sets: Iterable[Characters]) -> list[int]:
    """A code point for each part of all there are, so that a set has all of a part or nothing of it."""
    edges = {0}
    for ranges in sets:
        for first, last in ranges:
            edges |= {first, last + 1}
    return sorted(edge for edge in edges if edge <= LAST)


def _others(ranges: Characters) -> Characters:
    found: list[tuple[int, int]] = []
    at = 0
    for first, last in sorted(ranges):
        if first > at:
            found.append((at, first - 1))
        at = max(at, last + 1)
    return (*found, (at, LAST)) if at <= LAST else tuple(found)


def _characters(written: str) -> Iterator[tuple[str, bool]]:
    """Each, and whether it was escaped."""
    for found in _ONE.finditer(written):
        hexadecimal, unicode, named, plain = found.groups()
        if plain is not None:
            yield plain, False
        elif named is not None:
            yield _NAMED.get(named, named), True
        else:
            yield chr(int(hexadecimal or unicode or "0", 16)), True
