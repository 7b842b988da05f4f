"""Patterns that meet in one text."""

from typing import Any

import pytest

from headrace.llm.grammar_meeting import patterns_that_meet

P: dict[str, Any] = {"type": "string", "pattern": "a"}


@pytest.mark.parametrize(
    ("schema", "number"),
    [
        (True, 0),
        ({"type": "string"}, 0),
        (P, 1),
        ({**P, "format": "email"}, 2),
        ({"properties": {"a": P, "b": P}}, 1),
        ({"allOf": [P, P, {**P, "allOf": [P]}]}, 4),
        ({"anyOf": [P, {"allOf": [P, P]}]}, 2),
        ({"allOf": [{"anyOf": [P, {}]}, {"oneOf": [P, P]}]}, 2),
        ({"allOf": [{"properties": {"a": P}}, {"items": P}]}, 2),
        ({"properties": {"a": P}, "patternProperties": {"b": P}}, 2),
        ({"prefixItems": [P, {**P, "format": "uri"}], "items": P}, 2),
        ({"$ref": "#/$defs/0", "pattern": "b", "$defs": {"0": {"allOf": [P, P]}}}, 3),
        ({"$ref": "#/$defs/0", "$defs": {"0": {"properties": {"a": P, "b": {"$ref": "#/$defs/0"}}}}}, 1),
    ],
)
def test_they_are_counted_where_schemas_are_joined(schema: Any, number: int) -> None:
    assert patterns_that_meet(schema) == number
