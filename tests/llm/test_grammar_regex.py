"""Regular expressions: their size with counted repeats, and what their classes take."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import InvalidRequest
from headrace.generation import Grammar
from headrace.llm.grammar_regex import MAX_SIZE, check_repeats, expanded_size
from tests.llm.following import follows, grammars


@pytest.mark.parametrize(
    ("pattern", "size"),
    [
        ("", 0),
        ("abc", 3),
        ("a{3}", 3),
        ("a{2,5}b", 6),
        ("a{2,}", 2),
        ("(ab){3}", 6),
        ("(a(bc){2}){3}", 15),
        ("[abc]{4}", 4),
        ("[]a]{4}", 4),
        ("[^]a]{4}", 4),
        (r"[\]a]{4}", 4),
        (r"\({4}", 4),
        (r"\)\{", 2),
        ("(a{10}){10}{10}", 1000),
        ("a{0}", 1),
        ("a~2..5", 5),
        ("a ~ 7", 7),
    ],
)
def test_repeats_are_written_out(pattern: str, size: int) -> None:
    assert expanded_size(pattern) == size


@given(st.text(alphabet="ab(){}[]\\,0123^ ~.", max_size=40))
def test_any_text_has_a_size(pattern: str) -> None:
    assert expanded_size(pattern) >= 0


@pytest.mark.parametrize(
    "pattern", ["(a{1000}){1000}", "a{99999999999999999999}", "((((a{20}){20}){20}){20})", "(?x) a"]
)
def test_too_large_an_expression_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        check_repeats(pattern, "pattern")
    assert refused.value.where == "pattern"


def test_an_expression_just_large_enough_is_taken() -> None:
    check_repeats(f"a{{{MAX_SIZE}}}", "pattern")


@pytest.mark.parametrize(
    ("pattern", "some", "none"),
    [
        (r"\d", "09", "a\u0665\U0001fbf4"),
        (r"\D", "a\u0665", "5"),
        (r"\w", "aZ0_", "\u00e9\u0665- "),
        (r"\W", "\u00e9- ", "a_"),
        (r"\s", " \t\n\u00a0\u2003\u3000", "a\x1c\ufeff\u180e"),
        (r"\S", "a\u180e", " \t\u00a0"),
        (r"[\dx-]", "5x-", "\u0665y"),
        (r"[^\s\w]", "-\u00e9", " a"),
        (r"\\\\d", "", "5"),
    ],
)
def test_classes_are_the_same_in_expressions_and_in_schemas(pattern: str, some: str, none: str) -> None:
    rules = grammars()
    in_schema = Grammar("json_schema", json.dumps({"type": "string", "pattern": f"^{pattern}$"}))
    for character in some + none:
        assert follows(rules, Grammar("regex", pattern), character) is (character in some)
        assert follows(rules, in_schema, json.dumps(character, ensure_ascii=character < " ")) is (character in some)
