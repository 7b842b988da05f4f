"""Values of a schema's keywords."""

import json
from typing import Any

import pytest

from headrace.errors import InvalidRequest
from headrace.generation import Grammar
from headrace.llm.grammar_schema import enforceable
from headrace.llm.grammar_values import check_value, common_multiple
from tests.llm.following import follows, grammars

RULES = grammars()


def satisfies(schema: Any, text: str) -> bool:
    return follows(RULES, Grammar("json_schema", json.dumps(schema)), text)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("const", 2**53 + 1),
        ("enum", [1, {"a": [2**60]}]),
        ("maximum", 2**63),
        ("minimum", 1e300),
        ("const", 1e-200),
        ("multipleOf", 0),
        ("multipleOf", -2),
        ("multipleOf", 123_456_789),
        ("multipleOf", 0.123456),
        ("maxLength", 2**40),
        ("maxItems", 1.5),
        ("minItems", True),
        ("minimum", True),
        ("pattern", "(a{1000}){1000}"),
    ],
)
def test_what_would_not_be_exact_or_cost_too_much_is_refused(key: str, value: Any) -> None:
    with pytest.raises(InvalidRequest) as refused:
        check_value(key, value, f"schema.{key}")
    assert refused.value.where.startswith(f"schema.{key}")


def test_multiples_that_meet_in_one_number_are_not_too_many_together() -> None:
    common_multiple([5, 7, 12, 60, 0.25], "schema")
    with pytest.raises(InvalidRequest, match="together too large"):
        common_multiple([9_973, 9_967], "schema")


@pytest.mark.parametrize(("multiple", "text"), [(7, "49"), (0.01, "3.25"), (2.5, "7.5"), (100, "300")])
def test_multiples_are_enforced(multiple: float, text: str) -> None:
    assert satisfies({"type": "number", "multipleOf": multiple}, text)
    assert not satisfies({"type": "number", "multipleOf": multiple}, f"{text}1")


@pytest.mark.parametrize(
    ("form", "text", "right"),
    [
        ("date", "2024-02-29", True),
        ("date", "2023-02-29", False),
        ("date", "2023-04-31", False),
        ("date", "0000-01-01", False),
        ("date", "2000-12-31", True),
        ("date-time", "2024-02-29T23:59:59Z", True),
        ("date-time", "2023-01-01T23:59:59.5+01:30", True),
        ("date-time", "2023-01-01T24:00:00Z", False),
        ("date-time", "2023-01-01T12:00:60Z", False),
        ("time", "12:30:00Z", True),
        ("uuid", "01234567-89ab-cdef-0123-456789abcdef", True),
        ("uuid", "01234567", False),
        ("email", "a@b.org", True),
        ("ipv4", "1.2.3.256", False),
        ("hostname", "a-b.example", True),
        ("hostname", "-a.example", False),
        ("hostname", f"{'a' * 63}.b", True),
        ("hostname", f"{'a' * 64}.b", False),
        ("hostname", "a." * 126 + "b", True),
        ("hostname", "a." * 126 + "bc", False),
    ],
)
def test_formats_are_enforced(form: str, text: str, right: bool) -> None:
    assert satisfies({"type": "string", "format": form}, f'"{text}"') is right


def test_a_format_and_a_pattern_hold_together() -> None:
    schema = {"type": "string", "format": "date", "pattern": "^20"}
    assert satisfies(schema, '"2024-01-01"')
    assert not satisfies(schema, '"1924-01-01"')


def test_a_format_says_nothing_of_what_is_no_text() -> None:
    assert satisfies({"type": ["string", "null"], "format": "date"}, "null")
    assert satisfies({"format": "date"}, "12")
    assert not satisfies({"format": "date"}, '"12"')
    assert enforceable('{"type": "integer", "format": "int32"}', "s") == {"type": "integer"}
