"""What msgspec finds wrong with a value, in the words of whoever sent it. Pure."""

import re

from headrace.numerals import numeral

_TYPES = re.compile(r"^Expected `(?P<expected>[^`]*)`, got `(?P<got>[^`]*)`$")
_BOUND = re.compile(
    r"^Expected `(?P<kind>int|float|str|bytes|array|object)`(?P<length> of length)? (?P<than>[<>]=?) (?P<bound>\S+)$"
)
_WORDS = {"int": "an integer", "float": "a number", "str": "a string", "bool": "true or false", "null": "null"}
_WORDS |= {"array": "an array", "object": "an object"}
_THAN = {"<=": "at most", ">=": "at least", "<": "below", ">": "above"}
_PARTS = {
    "str": ("character", "characters"),
    "bytes": ("byte", "bytes"),
    "array": ("element", "elements"),
    "object": ("entry", "entries"),
}


def in_words(fault: str) -> str:
    """The fault, without its place, as people say it; one of a kind that is not known here is left as it is."""
    if types := _TYPES.match(fault):
        return f"expected {_words(types['expected'])}, got {_words(types['got'])}"
    if not (found := _BOUND.match(fault)):
        return fault
    if not found["length"]:
        return f"must be {_THAN[found['than']]} {_number(found['bound'])}"
    one, many = _PARTS[found["kind"]]
    length = f"{found['bound']} {one if found['bound'] == '1' else many}"
    if found["than"] == "<=":
        return f"has more than {length}, the most that are taken"
    return f"must have {_THAN[found['than']]} {length}"


def _words(types: str) -> str:
    return " or ".join(_WORDS.get(name, name) for name in types.split(" | "))


def _number(bound: str) -> str:
    """Whole numbers as they are: a float has not all of their digits."""
    return numeral(float(bound), 6) if "." in bound else bound
