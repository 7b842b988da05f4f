"""The keywords of a JSON schema that hold values: whether a value is one, and can be enforced as written."""

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from headrace.errors import InvalidRequest
from headrace.llm.grammar_regex import check_regex

TYPES = ("null", "boolean", "object", "array", "number", "string", "integer")

FORMATS = frozenset(("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid", "uri"))
"""Formats of texts that the compiler knows."""

MAX_MULTIPLE = 20_000  # in steps of its last digit: an automaton has as many states
MAX_COMMON_MULTIPLE = 200_000  # of all in a schema, which may meet in one number

_YEAR = "(?:[0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)"
_LEAP = "[0-9]{2}(?:0[48]|[2468][048]|[13579][26])"
_DAY = (
    f"(?:{_YEAR}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    "|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    f"|{_LEAP}-02-29)"
)
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
_EXACT: dict[str, dict[str, Any]] = {
    "date": {"pattern": f"^{_DAY}$"},
    "date-time": {"pattern": f"^{_DAY}T{_TIME}$"},
    "time": {"pattern": f"^{_TIME}$"},
    "hostname": {"format": "hostname", "maxLength": 253},
}
"""The compiler's own would allow the 29th of February in any year, the 60th second in any minute, and any length."""


def check_value(key: str, value: Any, where: str) -> None:
    """Raises InvalidRequest where a keyword cannot have the value, or it cannot be enforced."""
    VALUES[key](value, where)


def check_format(value: str, schema: dict[str, Any], reduced: dict[str, Any], where: str) -> None:
    """Put a format into the reduced schema. Those of numbers (`int32`) say nothing that JSON Schema knows.

    Raises InvalidRequest where a text may come whose format is not known.
    """
    types = schema.get("type", "string")
    if types != "string" and not (isinstance(types, list) and "string" in types):
        return
    if value in _EXACT:
        exact = {"anyOf": [{"type": "string"} | _EXACT[value], *_others(types, schema)]}
        reduced["allOf"] = [*reduced.get("allOf", ()), exact]
    elif value in FORMATS:
        reduced["format"] = value
    else:
        raise InvalidRequest(f"{value!r} cannot be enforced; these can: {', '.join(sorted(FORMATS))}", where)


def _others(types: Any, schema: dict[str, Any]) -> list[dict[str, Any]]:
    """Schemas of what is no text, which a format says nothing of."""
    if "type" in schema and types == "string":
        return []
    return [{"type": [other for other in TYPES if other != "string"]}]


def common_multiple(multiples: Sequence[float], where: str) -> None:
    """Raises InvalidRequest where numbers that are multiples of all of these would need too large an automaton."""
    places = max(map(_places, multiples), default=0)
    whole = math.lcm(*(int(Decimal(str(multiple)).scaleb(places)) for multiple in multiples))
    if whole > MAX_COMMON_MULTIPLE:
        raise InvalidRequest(f"multipleOf: together too large: {whole:,}, at most {MAX_COMMON_MULTIPLE:,}", where)


def _places(value: float) -> int:
    """Decimal places of a number as it is written."""
    exponent = Decimal(str(value)).normalize().as_tuple().exponent
    return max(0, -int(exponent))


def _number(value: Any, where: str) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise InvalidRequest("is a number", where)
    _exact(value, where)


def _exact(value: float, where: str) -> None:
    if isinstance(value, int) and abs(value) > 2**53:
        raise InvalidRequest("whole numbers beyond 2^53 cannot be enforced exactly", where)
    if value and not 1e-30 <= abs(value) <= 1e30:
        raise InvalidRequest("numbers smaller than 1e-30 or larger than 1e30 cannot be enforced", where)


def _bound(value: Any, where: str) -> None:
    if not isinstance(value, bool):  # as draft 4 has it
        _number(value, where)


def _multiple(value: Any, where: str) -> None:
    _number(value, where)
    if value <= 0:
        raise InvalidRequest("is more than 0", where)
    if Decimal(str(value)).scaleb(_places(value)) > MAX_MULTIPLE:
        raise InvalidRequest(f"too large: at most {MAX_MULTIPLE:,}, in steps of its last digit", where)


def _count(value: Any, where: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InvalidRequest("is a whole number from 0 on", where)
    if value > 2**31:
        raise InvalidRequest("is at most 2^31", where)


def _text(value: Any, where: str) -> None:
    if not isinstance(value, str):
        raise InvalidRequest("is a text", where)


def _pattern(value: Any, where: str) -> None:
    _text(value, where)
    check_regex(value, where)


def _type(value: Any, where: str) -> None:
    for one in value if isinstance(value, list) else (value,):
        if one not in TYPES:
            raise InvalidRequest(f"is one of {', '.join(TYPES)}, or a list of them", where)
    if value == []:
        raise InvalidRequest("no text has a type of none: at least one is needed", where)


def _required(value: Any, where: str) -> None:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise InvalidRequest("is a list of names", where)


def _enum(value: Any, where: str) -> None:
    if not isinstance(value, list):
        raise InvalidRequest("is a list of values", where)
    if not value:
        raise InvalidRequest("no text is one of none: at least one value is needed", where)
    for index, one in enumerate(value):
        _const(one, f"{where}[{index}]")


def _const(value: Any, where: str) -> None:
    """Numbers in it must be such as the compiler can write exactly."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        _exact(value, where)
    elif isinstance(value, list | dict):
        for inner in value.values() if isinstance(value, dict) else value:
            _const(inner, where)


VALUES = {
    "type": _type,
    "enum": _enum,
    "const": _const,
    "minimum": _number,
    "maximum": _number,
    "exclusiveMinimum": _bound,
    "exclusiveMaximum": _bound,
    "multipleOf": _multiple,
    "minLength": _count,
    "maxLength": _count,
    "minItems": _count,
    "maxItems": _count,
    "minProperties": _count,
    "maxProperties": _count,
    "pattern": _pattern,
    "format": _text,
    "required": _required,
}
"""Each keyword, and what looks at its value."""
