"""What the compiler is given."""

import json

import pytest

from headrace.errors import InvalidRequest
from headrace.generation import Grammar
from headrace.llm.grammar_source import MAX_CHOICES, MAX_LARK, MAX_REGEX, compiled_source, lark_text
from tests.llm.following import follows, grammars

RULES = grammars()


@pytest.mark.parametrize("choice", ["yes", 'with "quotes"', "back\\slash", "two\nlines", "naïve ✓", "a/b", " "])
def test_a_choice_is_taken_letter_by_letter(choice: str) -> None:
    grammar = Grammar("choice", json.dumps(["no", choice]))
    assert follows(RULES, grammar, choice)
    assert not follows(RULES, grammar, choice + "!")


def test_a_choice_that_is_there_twice_is_one() -> None:
    assert follows(RULES, Grammar("choice", '["a", "a"]'), "a")


@pytest.mark.parametrize(
    "source", ["[]", "{}", "[1]", "no", json.dumps(["a"] * (MAX_CHOICES + 1)), f'["{"a" * 300_000}"]']
)
def test_what_is_no_list_of_choices_is_refused(source: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        compiled_source(Grammar("choice", source, "guided_choice"))
    assert refused.value.where == "guided_choice"


@pytest.mark.parametrize("grammar", [Grammar("regex", "a" * (MAX_REGEX + 1)), Grammar("lark", "a" * (MAX_LARK + 1))])
def test_too_long_a_grammar_is_refused(grammar: Grammar) -> None:
    with pytest.raises(InvalidRequest, match="at most"):
        compiled_source(grammar)


def test_an_expression_holds_for_the_whole_text() -> None:
    grammar = Grammar("regex", r"\d{3}-[a-c]+")
    assert follows(RULES, grammar, "123-abc")
    assert not follows(RULES, grammar, "123-abcd")


@pytest.mark.parametrize(
    "source", ['start: "a" b+\nb: "b" | "c"', 'root ::= "a" b+\nb ::= "b" | "c"'], ids=["lark", "gbnf"]
)
def test_grammars_are_read_as_lark_or_as_gbnf(source: str) -> None:
    assert follows(RULES, Grammar("lark", source), "abcb")
    assert not follows(RULES, Grammar("lark", source), "ad")


def test_schemas_inside_a_grammar_are_bound_as_others_are() -> None:
    grammar = Grammar("lark", 'start: "call " %json {"type": "object", "properties": {"a": {"type": "null"}}} "."')
    assert follows(RULES, grammar, 'call {"a": null}.')
    assert not follows(RULES, grammar, 'call {"a":   null}.')


@pytest.mark.parametrize(
    "schema", ['{"uniqueItems": true}', '{"x-guidance": {}}', '{"multipleOf": 123456789}', "{", "3"]
)
def test_a_schema_inside_a_grammar_is_refused_as_others_are(schema: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        compiled_source(Grammar("lark", f"start: %json {schema}", "guided_grammar"))
    assert refused.value.where.startswith("guided_grammar")


def test_repeats_in_a_grammar_are_counted_too() -> None:
    with pytest.raises(InvalidRequest, match="too large"):
        compiled_source(Grammar("lark", "start: /(a{1000}){1000}/"))


def test_expressions_joined_too_often_are_refused() -> None:
    joined = " & ".join(f"/(?s:.*)a.{{{n}}}b(?s:.*)/" for n in range(40))
    with pytest.raises(InvalidRequest, match="at most"):
        compiled_source(Grammar("lark", f"start: X\nX: {joined}"))
    compiled_source(Grammar("lark", 'start: "&&&&&&&&&&&&&&&&" /~~~~~~~~~~~~~~/'))


def test_a_text_is_a_literal_of_lark() -> None:
    text = '</x>\n"\\'
    assert follows(RULES, Grammar("lark", f"start: {lark_text(text)}"), text)
