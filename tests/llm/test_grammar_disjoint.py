"""Schemas that no value satisfies both of."""

from typing import Any

import pytest

from headrace.llm.grammar_disjoint import disjoint


def thing(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


@pytest.mark.parametrize(
    "options",
    [
        [{"type": "string"}, {"type": "integer"}],
        [{"const": 1}, {"const": 2}],
        [{"enum": ["a", "b"]}, {"enum": ["c"]}, {"type": "null"}],
        [{"const": "a"}, {"type": "boolean"}],
        [thing(kind={"const": "a"}), thing(kind={"const": "b"})],
        [thing(kind={"const": "a"}), {"type": "object", "properties": {"kind": {"const": "b"}}}],
        [thing(a={}), {"type": "object", "properties": {"b": {}}, "additionalProperties": False}],
        [thing(inner=thing(x={"type": "null"})), thing(inner=thing(x={"type": "array"}))],
        [{"$ref": "#/$defs/text"}, {"$ref": "#/$defs/flag"}],
        [False, {}],
        [{"type": "string"}],
    ],
)
def test_schemas_apart_are_seen_to_be(options: list[Any]) -> None:
    definitions = {"text": {"type": "string"}, "flag": {"$ref": "#/$defs/really"}, "really": {"type": "boolean"}}
    assert disjoint(options, definitions)


@pytest.mark.parametrize(
    "options",
    [
        [{"type": "number"}, {"type": "integer"}],
        [{"const": 1}, {"const": 1.0}],
        [{"enum": ["a", "b"]}, {"enum": ["b"]}],
        [thing(kind={"const": "a"}), thing(other={"const": "b"})],
        [{"type": "object", "properties": {"k": {"const": 1}}}, {"type": "object", "properties": {"k": {"const": 2}}}],
        [True, {"type": "null"}],
        [{}, {"type": "null"}],
        [{"$ref": "#/$defs/round"}, {"type": "null"}],
        [{"type": ["object", "null"]}, {"type": "null"}],
    ],
)
def test_schemas_that_may_meet_are_not(options: list[Any]) -> None:
    assert not disjoint(options, {"round": {"$ref": "#/$defs/round"}})
