"""JSON schemas: what is enforced holds of every text, and what is not is refused by name."""

import json
import random
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from headrace.errors import InvalidRequest
from headrace.generation import Grammar
from headrace.llm.grammar import Grammars
from headrace.llm.grammar_schema import MAX_ALL_PROPERTIES, MAX_BYTES, enforceable
from tests.llm.following import follows, grammars, random_text

SUITE = [json.loads(line) for line in (Path(__file__).parent / "schemas/suite.jsonl").read_text().splitlines()]
VALIDATORS = {
    "4": jsonschema.Draft4Validator,
    "7": jsonschema.Draft7Validator,
    "2020-12": jsonschema.Draft202012Validator,
}


@pytest.fixture(scope="module")
def rules() -> Grammars:
    return grammars()


def of(schema: Any, where: str = "schema") -> Grammar:
    return Grammar("json_schema", json.dumps(schema), where)


def refusal(schema: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as refused:
        enforceable(json.dumps(schema), "schema")
    return refused.value


def test_of_200_schemas_of_the_suite_every_complete_text_validates(rules: Grammars) -> None:
    chance = random.Random(7)
    followed = complete = 0
    for case in SUITE:
        if "\\p{" in json.dumps(case) or "\\\\W" in json.dumps(case):
            continue  # Python's expressions differ from those of the standard
        try:
            matcher = rules.compile(of(case["schema"]))
        except InvalidRequest as error:
            assert error.where.startswith("schema") and error.message
            continue
        followed += 1
        kind = VALIDATORS[case["draft"]]
        validator = kind(case["schema"], format_checker=kind.FORMAT_CHECKER)
        for _ in range(2):
            text = random_text(matcher.copy(), rules, chance, most=400)
            if text is not None:
                complete += 1
                assert validator.is_valid(json.loads(text)), (case["name"], text)
    assert followed >= 200
    assert complete >= 380


def test_refusals_of_the_suite_name_the_keyword() -> None:
    for case in SUITE:
        try:
            enforceable(json.dumps(case["schema"]), "schema")
        except InvalidRequest as error:
            assert error.where.startswith("schema")


@pytest.mark.parametrize(
    ("schema", "where"),
    [
        ({"properties": {"a": {"items": {"not": {}}}}}, "schema.properties.a.items.not"),
        ({"anyOf": [True, {"uniqueItems": True}]}, "schema.anyOf[1].uniqueItems"),
        ({"if": True, "then": False}, "schema.if"),
        ({"dependentRequired": {"a": ["b"]}}, "schema.dependentRequired"),
        ({"$defs": {"x": {"contains": {}}}, "$ref": "#/$defs/x"}, "schema.$defs/x.contains"),
        ({"propertyNames": {"pattern": "a"}}, "schema.propertyNames"),
        ({"unevaluatedProperties": False}, "schema.unevaluatedProperties"),
        ({"$dynamicRef": "#x"}, "schema.$dynamicRef"),
        ({"x-guidance": {"lenient": True}}, "schema.x-guidance"),
        ({"type": "string", "format": "semver"}, "schema.format"),
        ({"minProperties": 2}, "schema.minProperties"),
    ],
)
def test_what_cannot_be_enforced_is_refused_by_name(schema: Any, where: str) -> None:
    assert refusal(schema).where == where


@pytest.mark.parametrize(
    ("schema", "where"),
    [
        ([1], "schema"),
        ("string", "schema"),
        ({"properties": []}, "schema.properties"),
        ({"properties": {"a": 1}}, "schema.properties.a"),
        ({"items": 3}, "schema.items"),
        ({"anyOf": {}}, "schema.anyOf"),
        ({"anyOf": []}, "schema.anyOf"),
        ({"type": "text"}, "schema.type"),
        ({"enum": "a"}, "schema.enum"),
        ({"required": "a"}, "schema.required"),
        ({"minLength": -1}, "schema.minLength"),
        ({"minimum": "1"}, "schema.minimum"),
        ({"pattern": 1}, "schema.pattern"),
        ({"$ref": 1}, "schema.$ref"),
        ({"$ref": "#/$defs/missing"}, "schema.$ref"),
        ({"$ref": "https://example.org/schema"}, "schema.$ref"),
    ],
)
def test_what_is_no_schema_is_refused(schema: Any, where: str) -> None:
    assert refusal(schema).where == where


@pytest.mark.parametrize(
    "schema",
    [
        False,
        {"enum": []},
        {"type": []},
        {"minimum": 2, "maximum": 1, "type": "number"},
        {"type": "string", "minLength": 3, "maxLength": 2},
        {"type": "array", "minItems": 3, "maxItems": 2},
        {"type": "object", "required": ["a"], "properties": {"a": False}},
        {"type": "object", "required": ["a"], "additionalProperties": False},
        {"allOf": [{"type": "string"}, {"type": "integer"}]},
        {"type": "object", "required": ["next"], "properties": {"next": {"$ref": "#"}}},
        {"$ref": "#"},
        {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
        {"type": "string", "pattern": "^a$", "minLength": 2},
    ],
)
def test_what_no_text_satisfies_is_refused(rules: Grammars, schema: Any) -> None:
    with pytest.raises(InvalidRequest) as refused:
        rules.compile(of(schema))
    assert refused.value.where.startswith("schema")


def test_thirty_thousand_properties_are_too_many() -> None:
    error = refusal({"type": "object", "properties": {f"p{n}": {} for n in range(30_000)}})
    assert error.where == "schema.properties"
    assert "too large" in error.message
    few: Any = {
        f"q{n}": {"properties": {f"p{n}": {} for n in range(1_900)}} for n in range(MAX_ALL_PROPERTIES // 1_900 + 1)
    }
    assert "too large" in refusal({"properties": few}).message


def test_two_thousand_optional_properties_are_followed(rules: Grammars) -> None:
    properties = {f"p{n}": {"type": "null"} for n in range(2_000)}
    schema = {"type": "object", "properties": properties, "additionalProperties": True}
    assert follows(rules, of(schema), '{"p0": null, "p1999": null, "other": 1}')


def test_patterns_that_would_take_ages_to_join_are_refused() -> None:
    joined = {"allOf": [{"type": "string", "pattern": f"a.{{{n}}}b"} for n in range(40)]}
    assert "patterns may meet" in refusal(joined).message


def test_too_long_a_schema_is_not_even_read() -> None:
    with pytest.raises(InvalidRequest, match="at most"):
        enforceable(" " * (MAX_BYTES + 1), "schema")


@pytest.mark.parametrize("source", ["{", "", "nonsense", "[" * 5_000])
def test_what_is_no_json_is_refused(source: str) -> None:
    with pytest.raises(InvalidRequest, match="is no JSON"):
        enforceable(source, "schema")


def test_schemas_and_references_nest_so_deep_and_no_deeper() -> None:
    deep: Any = {"type": "string"}
    for _ in range(90):
        deep = {"type": "array", "items": deep}
    enforceable(json.dumps(deep), "schema")
    chain = {f"d{n}": {"items": {"$ref": f"#/$defs/d{n + 1}"}} for n in range(5_000)} | {"d5000": {}}
    assert "deeper" in refusal({"$defs": chain, "$ref": "#/$defs/d0"}).message


def test_an_object_has_only_the_properties_that_its_schema_names(rules: Grammars) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {}}, "required": ["a"]}
    assert follows(rules, of(schema), '{"a": 1, "b": null}')
    assert not follows(rules, of(schema), '{"a": 1, "c": null}')
    assert follows(rules, of({**schema, "additionalProperties": True}), '{"a": 1, "c": null}')


def test_alternatives_that_are_apart_only_where_closed_are_still_one_of(rules: Grammars) -> None:
    either = [{"type": "object", "properties": {name: {}}, "required": [name]} for name in ("a", "b")]
    with pytest.raises(InvalidRequest, match="oneOf"):
        rules.compile(of({"oneOf": either}))


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": {}}, "if": {"required": ["a"]}, "then": {"required": ["b"]}},
        {"properties": {"a": {}}, "allOf": [{"if": {}, "then": {"properties": {"b": {}}, "required": ["b"]}}]},
        {"properties": {"a": {}}, "dependentSchemas": {"a": {"required": ["b"]}}},
        {"properties": {"a": {}}, "propertyNames": {"maxLength": 1}},
        {"properties": {"a": {}}, "$ref": "elsewhere.json"},
    ],
)
def test_without_keywords_that_may_name_others_an_object_may_have_them(rules: Grammars, schema: Any) -> None:
    reduced = enforceable(json.dumps(schema), "schema", lenient=True)
    assert follows(rules, of({"type": "object", **reduced}), '{"a": 1, "b": 2}')


def test_a_recursive_schema_is_followed_as_deep_as_a_text_goes(rules: Grammars) -> None:
    tree = {
        "$ref": "#/$defs/node",
        "$defs": {
            "node": {
                "type": "object",
                "properties": {
                    "value": {"type": "integer"},
                    "children": {"items": {"$ref": "#/$defs/node"}, "type": "array"},
                },
                "required": ["value"],
                "additionalProperties": False,
            }
        },
    }
    assert follows(rules, of(tree), '{"value": 1, "children": [{"value": 2, "children": [{"value": 3}]}]}')
    assert not follows(rules, of(tree), '{"value": 1, "children": [{"children": []}]}')


def test_references_may_lead_anywhere_in_the_schema(rules: Grammars) -> None:
    schema = {
        "type": "array",
        "prefixItems": [{"type": "boolean"}, {"$ref": "#/prefixItems/0"}, {"$ref": "#/x~1y/a%20b"}],
        "x/y": {"a b": {"const": "here"}},
        "minItems": 3,
        "items": False,
    }
    assert follows(rules, of(schema), '[true, false, "here"]')
    assert not follows(rules, of(schema), '[true, 1, "here"]')


def test_alternatives_told_apart_by_a_property_may_be_one_of(rules: Grammars) -> None:
    def shape(kind: str, size: str) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {"kind": {"const": kind}, size: {"type": "integer"}},
            "required": ["kind", size],
            "additionalProperties": False,
        }

    schema = {
        "oneOf": [{"$ref": "#/$defs/Circle"}, {"$ref": "#/$defs/Square"}],
        "$defs": {"Circle": shape("circle", "radius"), "Square": shape("square", "side")},
    }
    assert follows(rules, of(schema), '{"kind": "square", "side": 2}')
    assert not follows(rules, of(schema), '{"kind": "circle", "side": 2}')


def test_properties_come_in_the_order_of_the_schema(rules: Grammars) -> None:
    schema = {"type": "object", "properties": {"b": {"type": "null"}, "a": {"type": "null"}}, "required": ["a", "b"]}
    assert follows(rules, of(schema), '{"b": null, "a": null}')
    assert not follows(rules, of(schema), '{"a": null, "b": null}')


def test_annotations_and_unknown_words_mean_nothing() -> None:
    assert enforceable('{"title": "T", "type": "null", "nullable": true, "deprecated": true}', "s") == {"type": "null"}


def test_draft_4_and_7_are_read_as_they_are_meant(rules: Grammars) -> None:
    below = {"type": "integer", "maximum": 3, "exclusiveMaximum": True, "minimum": 0, "exclusiveMinimum": False}
    assert follows(rules, of(below), "2")
    assert not follows(rules, of(below), "3")
    pair = {"type": "array", "items": [{"const": 1}], "additionalItems": {"const": 2}, "minItems": 1}
    assert follows(rules, of(pair), "[1, 2, 2]")
    assert not follows(rules, of(pair), "[2]")


def test_what_constrains_nothing_is_taken() -> None:
    harmless = {"uniqueItems": False, "unevaluatedItems": True, "propertyNames": {"type": "string"}, "dependencies": {}}
    assert enforceable(json.dumps(harmless), "s") == {}


def test_a_pattern_that_cannot_be_followed_is_refused_by_its_path() -> None:
    for schema, where in (
        ({"properties": {"a": {"pattern": "^(?!x)"}}}, "schema.properties.a.pattern"),
        ({"pattern": "("}, "schema.pattern"),
        ({"patternProperties": {"(?=x)": {}}}, "schema.patternProperties.(?=x)"),
    ):
        assert refusal(schema).where == where


@pytest.mark.parametrize(
    ("schema", "kept"),
    [
        ({"type": "array", "uniqueItems": True, "maxItems": 2}, {"type": "array", "maxItems": 2}),
        ({"type": "string", "format": "path"}, {"type": "string"}),
        ({"allOf": [{"not": {}}, {"type": "string"}]}, {"allOf": [{}, {"type": "string"}]}),
        ({"minimum": "x", "exclusiveMinimum": True, "maximum": 3}, {"maximum": 3}),
        ({"required": ["a"], "minProperties": 9}, {"required": ["a"]}),
        ({"oneOf": [{"type": "string"}, {}]}, {"anyOf": [{"type": "string"}, {}]}),
        ({"properties": {"a": {"$ref": "b.json"}}}, {"properties": {"a": {}}, "additionalProperties": False}),
        ({"additionalProperties": False, "patternProperties": {"(?!x)": {}}}, {}),
        ({"prefixItems": 3, "items": False}, {}),
    ],
)
def test_where_it_may_be_only_what_cannot_be_enforced_is_left_out(schema: Any, kept: Any) -> None:
    assert enforceable(json.dumps(schema), "schema", lenient=True) == kept
