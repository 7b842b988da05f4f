"""Regular expressions: whether they can be followed, and how large they grow, known without writing repeats out."""

import re

import msgspec
from llguidance import LLMatcher

from headrace.errors import InvalidRequest

MAX_SIZE = 20_000  # parts, repeats written out; its first mask then takes some 10 ms

_COUNT = re.compile(r"[{~]\s*(\d*)\s*(?:,|\.\.)?\s*(\d*)\s*\}?")
_FREE_SPACING = re.compile(r"\(\?[a-zA-Z]*x")


def check_repeats(pattern: str, where: str) -> None:
    """Raises InvalidRequest for counted repeats, nested ones multiplied, that make the expression too large."""
    if _FREE_SPACING.search(pattern):
        raise InvalidRequest("the flag x, for spaces that mean nothing, is not taken", where)
    size = expanded_size(pattern)
    if size > MAX_SIZE:
        raise InvalidRequest(f"its repeats make it too large: {size:,} parts, at most {MAX_SIZE:,}", where)


def check_regex(pattern: str, where: str) -> None:
    """Raises InvalidRequest for an expression that is none, cannot be followed or is too large."""
    check_repeats(pattern, where)
    fault = LLMatcher.validate_grammar(LLMatcher.grammar_from_json_schema(_schema_of(pattern)), None)
    if fault:
        raise InvalidRequest(f"cannot be followed: {fault.partition('error: ')[2] or fault}"[:400], where)


def ascii_classes(pattern: str) -> str:
    r"""The expression with \d and \w of ASCII, as ECMAScript has them and the compiler reads them in schemas."""
    return _ESCAPE.sub(lambda found: _CLASSES.get(found[0], found[0]), pattern)


_ESCAPE = re.compile(r"\\.", re.DOTALL)
_CLASSES = {r"\d": "[0-9]", r"\D": "[^0-9]", r"\w": "[0-9A-Za-z_]", r"\W": "[^0-9A-Za-z_]"}
"""Sets may stand in sets, so that each is itself there too."""


def _schema_of(pattern: str) -> str:
    return msgspec.json.encode({"type": "string", "pattern": pattern}).decode()


def expanded_size(pattern: str) -> int:
    """About how many parts a pattern has when `{m,n}` (in Lark `~m..n` too) is written out; none is below the truth."""
    groups = [0]  # sizes of the groups that are open, each without its last part
    last = 0  # size of the last part, which a repeat multiplies
    at = 0
    while at < len(pattern):
        character = pattern[at]
        count = _COUNT.match(pattern, at) if character in "{~" else None
        if count:
            last *= max((int(number[:12]) for number in count.groups() if number), default=1) or 1
            at = count.end()
            continue
        if character == "(":
            groups[-1] += last
            groups.append(0)
            last = 0
        elif character == ")" and len(groups) > 1:
            last += groups.pop()
        elif not character.isspace():
            groups[-1] += last
            last = 1
        at = _end_of_part(pattern, at)
    return sum(groups) + last


def _end_of_part(pattern: str, at: int) -> int:
    """Where the part that begins here ends: an escape, a set in brackets, or one character."""
    if pattern[at] == "\\":
        return at + 2
    if pattern[at] != "[":
        return at + 1
    end = at + 1
    if pattern.startswith("^", end):
        end += 1
    if pattern.startswith("]", end):  # first, it is one of the set
        end += 1
    while end < len(pattern) and pattern[end] != "]":
        end += 2 if pattern[end] == "\\" else 1
    return end + 1
