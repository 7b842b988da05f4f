"""Recursion that ends, and recursion that does not."""

from typing import Any

import pytest

from headrace.llm.grammar_finite import never_ends


def node(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


A, B = {"$ref": "#/$defs/a"}, {"$ref": "#/$defs/b"}


@pytest.mark.parametrize(
    ("root", "definitions"),
    [
        (A, {"a": node("next", next=A)}),
        (A, {"a": B, "b": A}),
        (A, {"a": node("x", x=B), "b": {"type": "array", "items": A, "minItems": 1}}),
        (A, {"a": {"anyOf": [node("x", x=A), {"allOf": [{}, A]}]}}),
        (A, {"a": {"type": "object", "required": ["x"], "additionalProperties": A}}),
        (A, {"a": {"type": "array", "prefixItems": [True, A], "minItems": 2}}),
        (False, {}),
    ],
)
def test_what_never_ends_is_found(root: Any, definitions: dict[str, Any]) -> None:
    assert never_ends({**root, "$defs": definitions} if root else root)


@pytest.mark.parametrize(
    ("root", "definitions"),
    [
        (A, {"a": node(next=A)}),
        (A, {"a": node("next", next={"anyOf": [A, {"type": "null"}]})}),
        (A, {"a": {"type": "array", "items": A}}),
        (A, {"a": node("x", "y", x=B, y=B), "b": {"anyOf": [A, {"type": "string"}]}}),
        (A, {"a": {"type": ["object", "null"], "properties": {"x": A}, "required": ["x"]}}),
        (A, {"a": {"type": "array", "prefixItems": [True, A], "minItems": 1}}),
        ({}, {}),
    ],
)
def test_what_can_end_is_taken(root: Any, definitions: dict[str, Any]) -> None:
    assert not never_ends({**root, "$defs": definitions})


def test_definitions_that_wait_for_each_other_in_a_row_are_followed() -> None:
    definitions: dict[str, Any] = {str(n): {"$ref": f"#/$defs/{n + 1}"} for n in range(50)} | {"50": {"type": "null"}}
    assert not never_ends({"$ref": "#/$defs/0", "$defs": definitions})
