"""The size of expressions with counted repeats."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import InvalidRequest
from headrace.llm.grammar_regex import MAX_SIZE, check_repeats, expanded_size


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
