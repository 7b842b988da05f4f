"""What the text must be, in all the forms that clients write it."""

from typing import Any

import msgspec
import pytest

from headrace.errors import InvalidRequest
from headrace.generation import Grammar
from headrace.protocols.openai.formats import grammar_of
from headrace.protocols.openai.sampling import SharedFields

SCHEMA = {"type": "object"}


def grammar(fields: dict[str, Any]) -> Grammar | None:
    return grammar_of(msgspec.convert(fields, SharedFields))


@pytest.mark.parametrize(
    ("fields", "kind", "source", "where"),
    [
        ({"response_format": {"type": "json_object"}}, "json_object", "", "response_format"),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "n", "schema": SCHEMA, "strict": True},
                }
            },
            "json_schema",
            '{"type":"object"}',
            "response_format.json_schema.schema",
        ),
        *(
            (
                {"response_format": {"type": kind, "value": SCHEMA}},
                "json_schema",
                '{"type":"object"}',
                "response_format.value",
            )
            for kind in ("json", "json_object", "json_schema")
        ),
        (
            {"response_format": {"type": "json_schema", "value": {"name": "n", "schema": SCHEMA}}},
            "json_schema",
            '{"type":"object"}',
            "response_format.value.schema",
        ),
        *(
            (
                {"response_format": {"type": kind, "schema": SCHEMA}},
                "json_schema",
                '{"type":"object"}',
                "response_format.schema",
            )
            for kind in ("json_object", "json_schema")
        ),
        ({"response_format": {"type": "regex", "value": "a+"}}, "regex", "a+", "response_format.value"),
        ({"structured_outputs": {"json": SCHEMA}}, "json_schema", '{"type":"object"}', "structured_outputs.json"),
        *(
            (
                {"structured_outputs": {"json": SCHEMA, "disable_additional_properties": given}},
                "json_schema",
                '{"type":"object"}',
                "structured_outputs.json",
            )
            for given in (True, False)
        ),
        ({"structured_outputs": {"json_object": True}}, "json_object", "", "structured_outputs.json_object"),
        (
            {
                "structured_outputs": {
                    "regex": "a",
                    "structural_tag": None,
                    "whitespace_pattern": None,
                    "disable_any_whitespace": False,
                    "disable_additional_properties": False,
                    "disable_fallback": True,
                }
            },
            "regex",
            "a",
            "structured_outputs.regex",
        ),
        ({"structured_outputs": {"grammar": "start: x"}}, "lark", "start: x", "structured_outputs.grammar"),
        ({"guided_json": '{"type":"object"}'}, "json_schema", '{"type":"object"}', "guided_json"),
        ({"guided_regex": "a+"}, "regex", "a+", "guided_regex"),
        ({"guided_choice": ["a", "b"]}, "choice", '["a","b"]', "guided_choice"),
        ({"guided_grammar": "start: x"}, "lark", "start: x", "guided_grammar"),
        (
            {"guided_grammar": "start: x", "structured_outputs": {"grammar": "start: x"}},
            "lark",
            "start: x",
            "structured_outputs.grammar",
        ),
    ],
)
def test_a_grammar_knows_the_field_that_it_came_in(fields: dict[str, Any], kind: Any, source: str, where: str) -> None:
    assert grammar(fields) == Grammar(kind, source, where)


@pytest.mark.parametrize("fields", [{}, {"response_format": {"type": "text"}}, {"response_format": None}])
def test_text_needs_none(fields: dict[str, Any]) -> None:
    assert grammar(fields) is None


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"structured_outputs": {"structural_tag": "{}"}}, "structured_outputs.structural_tag"),
        ({"structured_outputs": {"json": {}, "whitespace_pattern": " "}}, "structured_outputs.whitespace_pattern"),
        (
            {"structured_outputs": {"json": {}, "disable_any_whitespace": True}},
            "structured_outputs.disable_any_whitespace",
        ),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"response_format": {"type": "json"}}, "response_format.type"),
        ({"response_format": {"type": "text", "value": SCHEMA}}, "response_format.value"),
        ({"response_format": {"type": "regex", "value": SCHEMA}}, "response_format.value"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "n"}, "value": SCHEMA}},
            "response_format.value",
        ),
        ({"response_format": {"type": "json_schema", "schema": SCHEMA, "value": SCHEMA}}, "response_format.value"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "n"}, "schema": SCHEMA}},
            "response_format.schema",
        ),
        ({"response_format": {"type": "text", "schema": SCHEMA}}, "response_format.schema"),
        *(
            (
                {"response_format": {"type": kind, "json_schema": {"name": "n", "schema": SCHEMA}}},
                "response_format.json_schema",
            )
            for kind in ("text", "json_object")
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "n"}}},
            "response_format.json_schema.schema",
        ),
        ({"structured_outputs": {}}, "structured_outputs"),
        ({"structured_outputs": {"regex": "a", "grammar": "b"}}, "structured_outputs"),
        ({"response_format": {"type": "json_object"}, "guided_regex": "a"}, "guided_regex"),
        ({"structured_outputs": {"grammar": "start: x"}, "guided_grammar": "start: y"}, "guided_grammar"),
        ({"structured_outputs": {"regex": "a"}, "guided_grammar": "a"}, "guided_grammar"),
        ({"guided_choice": []}, "guided_choice"),
    ],
)
def test_two_or_none_or_another_are_refused(fields: dict[str, Any], where: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        grammar(fields)
    assert caught.value.where == where


@pytest.mark.parametrize(
    "fields", [{}, {"structures": [], "triggers": []}, {"format": {"type": "any_text"}}, {"json_schema": None}]
)
def test_structural_tags_are_refused_by_their_type(fields: dict[str, Any]) -> None:
    """Whatever stands beside it: vLLM has two forms of them."""
    with pytest.raises(InvalidRequest, match="structural_tag is not offered") as caught:
        grammar({"response_format": {"type": "structural_tag"} | fields})
    assert caught.value.where == "response_format.type"


@pytest.mark.parametrize("field", ["structures", "triggers", "format"])
def test_what_is_of_structural_tags_goes_with_no_other_type(field: str) -> None:
    with pytest.raises(InvalidRequest, match="structural_tag") as caught:
        grammar({"response_format": {"type": "json_object", field: []}})
    assert caught.value.where == f"response_format.{field}"
