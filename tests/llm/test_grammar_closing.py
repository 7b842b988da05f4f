"""Objects that have no other properties than those that are named, whatever schemas name them."""

import json
import random
from typing import Any

import jsonschema
import pytest

from headrace.errors import InvalidRequest
from headrace.generation import Grammar
from headrace.llm.grammar import Grammars
from headrace.llm.grammar_closing import MAX_REPEATED, closed
from tests.llm.following import follows, grammars, random_text

A: Any = {"properties": {"a": {"type": "integer"}}}
B: Any = {"properties": {"b": {"type": "integer"}}, "required": ["b"]}
C: Any = {"properties": {"c": {"type": "integer"}}, "required": ["c"]}
OPEN: Any = {"additionalProperties": True}


@pytest.fixture(scope="module")
def rules() -> Grammars:
    return grammars()


def holds(rules: Grammars, schema: Any, text: str) -> bool:
    return follows(rules, Grammar("json_schema", json.dumps({"type": "object", **schema})), text)


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"allOf": [A, B]}, '{"a": 1, "b": 2}'),
        ({**A, "allOf": [B, {"allOf": [C]}]}, '{"b": 1, "c": 2, "a": 3}'),
        ({**A, "anyOf": [B, C]}, '{"b": 1, "a": 2}'),
        ({**A, "anyOf": [B, C]}, '{"c": 1, "a": 2}'),
        ({**A, "anyOf": [{"required": ["a"]}, {"required": ["z"]}]}, '{"a": 1, "z": 2}'),
        ({"allOf": [{"anyOf": [A, B]}, {"anyOf": [C, {"type": "object"}]}]}, '{"b": 1, "c": 2}'),
        ({"$ref": "#/$defs/b", **A, "$defs": {"b": B}}, '{"b": 1, "a": 2}'),
        ({"$ref": "#/$defs/b", "$defs": {"b": {"allOf": [A, B]}}}, '{"a": 1, "b": 2}'),
        ({**A, "required": ["z"]}, '{"a": 1, "z": [2]}'),
        ({**A, "required": ["a"], "minProperties": 2}, '{"a": 1, "z": 2}'),
        ({**A, "enum": [{"a": 1, "z": 2}]}, '{"a": 1, "z": 2}'),
        ({"minProperties": 1}, '{"z": 1}'),
        ({"items": A}, '{"z": 1}'),
    ],
)
def test_what_is_named_beside_or_asked_for_may_come(rules: Grammars, schema: Any, text: str) -> None:
    assert holds(rules, schema, text)


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"properties": {}}, '{"z": 1}'),
        ({"allOf": [A, B]}, '{"a": 1, "b": 2, "z": 3}'),
        ({**A, "anyOf": [B, C]}, '{"b": 1, "a": 2, "c": 3}'),
        ({**A, "anyOf": [B, {"type": "object"}]}, '{"a": 1, "z": 2}'),
        ({"allOf": [{"anyOf": [A, B]}, {"anyOf": [C, {"type": "object"}]}]}, '{"a": 1, "b": 2}'),
        ({"$ref": "#/$defs/b", "$defs": {"b": B}}, '{"b": 1, "z": 2}'),
        ({"oneOf": [{"$ref": "#/$defs/a"}, {"type": "null"}], "$defs": {"a": {"type": "object", **A}}}, '{"z": 1}'),
        ({"properties": {"x": {"type": "array", "items": A}}}, '{"x": [{"z": 1}]}'),
        ({"additionalProperties": {"type": "object", **A}}, '{"x": {"z": 1}}'),
    ],
)
def test_nothing_else_comes(rules: Grammars, schema: Any, text: str) -> None:
    assert not holds(rules, schema, text)


@pytest.mark.parametrize(
    "schema",
    [
        {**A, **OPEN},
        {"allOf": [A, OPEN]},
        {**A, "anyOf": [{**C, "type": "null"}, OPEN]},
        {**A, "patternProperties": {"^z": {}}},
        {**A, "additionalProperties": {"type": "integer"}},
        {**A, "unevaluatedProperties": True},
        {**A, "propertyNames": {"type": "string"}},
        {"$ref": "#/$defs/a", "$defs": {"a": {**A, **OPEN}}},
        {**A, "anyOf": [{"maxProperties": 3, "properties": {"b": {}}}, {}]},
    ],
)
def test_where_others_are_spoken_of_they_come(rules: Grammars, schema: Any) -> None:
    assert holds(rules, schema, '{"a": 1, "z": 2}')


def test_a_definition_is_closed_where_it_stands_alone_and_not_where_it_is_joined(rules: Grammars) -> None:
    pet = {"type": "object", "properties": {"name": {"type": "string"}}}
    cat = {"allOf": [{"$ref": "#/$defs/pet"}, {"properties": {"friend": {"$ref": "#/$defs/pet"}}}]}
    schema = {"$defs": {"pet": pet, "cat": cat}, "$ref": "#/$defs/cat"}
    assert holds(rules, schema, '{"name": "a", "friend": {"name": "b"}}')
    assert not holds(rules, schema, '{"name": "a", "friend": {"name": "b", "friend": {}}}')
    assert not holds(rules, schema, '{"name": "a", "age": 1}')


def test_recursion_through_schemas_that_are_joined_is_followed(rules: Grammars) -> None:
    cat = {"allOf": [{"properties": {"name": {"type": "string"}}}, {"$ref": "#/$defs/pet"}]}
    pet = {"type": "object", "properties": {"friend": {"$ref": "#/$defs/cat"}}}
    schema = {"$defs": {"pet": pet, "cat": cat}, "allOf": [{"$ref": "#/$defs/cat"}, A]}
    assert holds(rules, schema, '{"name": "c", "friend": {"name": "d", "friend": {}}, "a": 1}')
    assert not holds(rules, schema, '{"name": "c", "friend": {"a": 1}}')


def test_recursion_through_schemas_that_are_settled_is_followed(rules: Grammars) -> None:
    pet = {"type": "object", **OPEN, "properties": {"owner": {**OPEN, "$ref": "#/$defs/person"}}}
    person = {"type": "object", "properties": {"pet": {"$ref": "#/$defs/pet"}}}
    schema = {"$defs": {"pet": pet, "person": person}, **OPEN, "allOf": [{"$ref": "#/$defs/pet"}, A]}
    assert holds(rules, schema, '{"owner": {"pet": {"owner": {"z": 1}}}, "a": 1}')


def test_properties_of_joined_schemas_stay_in_their_order(rules: Grammars) -> None:
    assert holds(rules, {"allOf": [C, A], **B}, '{"c": 1, "a": 2, "b": 3}')
    assert not holds(rules, {"allOf": [C, A], **B}, '{"a": 2, "c": 1, "b": 3}')


def test_what_came_through_stays_as_it_is() -> None:
    once = closed({**A, "anyOf": [B, {"properties": {"x": {"oneOf": [A, B]}}}]})
    assert closed(once) == once


def test_what_says_everything_itself_stays_as_it_is() -> None:
    schema = {**A, "additionalProperties": False, "$ref": "#/$defs/x", "$defs": {"x": {"minProperties": 1}}}
    assert closed(schema) is schema


def test_schemas_too_entangled_stay_open() -> None:
    either = {"anyOf": [{"properties": {f"p{number}": {}}} for number in range(MAX_REPEATED + 1)], **A}
    assert closed(either) is either


def _drawn(chance: random.Random, depth: int) -> Any:
    """Any schema, most of them nonsense."""
    if depth == 0:
        return chance.choice([True, {"type": "null"}, {"type": "integer"}, {"enum": ["x", 1]}])
    drawn: dict[str, Any] = {}
    for word in chance.sample(("properties", "required", "allOf", "anyOf", "$ref", "type", "counts", "others"), 3):
        if word == "properties":
            drawn[word] = {name: _drawn(chance, depth - 1) for name in chance.sample("abcd", chance.randint(0, 3))}
        elif word == "required":
            drawn[word] = chance.sample("abcd", chance.randint(0, 2))
        elif word in ("allOf", "anyOf"):
            drawn[word] = [_drawn(chance, depth - 1) for _ in range(chance.randint(1, 3))]
        elif word == "$ref":
            drawn[word] = f"#/$defs/{chance.choice('xy')}"
        elif word == "type":
            drawn[word] = "object"
        elif word == "counts":
            drawn[chance.choice(["minProperties", "maxProperties"])] = chance.randint(0, 3)
        else:
            drawn |= chance.choice([OPEN, {"patternProperties": {"^a": True}}, {"enum": [{"a": 1}, "x"]}])
    return drawn


def test_whatever_an_open_schema_lets_be_written_its_closed_one_can_be_followed_too(
    rules: Grammars, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(11)
    followed = 0
    for _ in range(600):
        definitions = {name: _drawn(chance, 2) for name in "xy"}
        schema = {**_drawn(chance, 2), "type": "object", "$defs": definitions}
        grammar = Grammar("json_schema", json.dumps(schema))
        with monkeypatch.context() as patched:
            patched.setattr("headrace.llm.grammar_schema.closed", lambda reduced, left_open: reduced)
            try:
                grammars().compile(grammar)
            except InvalidRequest:
                continue
        text = random_text(rules.compile(grammar), rules, chance, most=400)
        followed += 1
        if text is not None:
            assert jsonschema.Draft202012Validator(schema).is_valid(json.loads(text)), (schema, text)
    assert followed >= 80
