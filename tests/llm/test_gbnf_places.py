"""What may go on with a text that a rule takes already is found, as regular expressions find it."""

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llguidance.gbnf_to_lark import GrammarParser, resolve

from headrace.llm.gbnf_places import Places, TooMuch, Work

LETTERS = "abc"


def places(expression: str, steps: int = 100_000) -> Places:
    rules = GrammarParser().parse(f"root ::= {expression}\n")
    resolve(rules)
    return Places(rules["start"].alternatives, Work(steps))


def goes_on(expression: str, following: str) -> bool:
    return places(expression).goes_on(tuple((ord(each), ord(each)) for each in following))


@pytest.mark.parametrize(
    ("expression", "following", "so"),
    [
        ("[0-9]+ [ ]*", " ", True),
        ("[0-9]+ [ ]*", "\n", False),
        ('"\\"" [^"]* "\\""', ",a", False),
        ('"\\"" [^"]* "\\""', '"', False),
        ('"ab" "c"?', "c", True),
        ('"ab" "c"?', "b", False),
        ('"a" | "ab"', "b", True),
        ("[ab]{2,4}", "a", True),
        ("[ab]{2}", "a", False),
        ('"x"?', "x", True),
        ('("ab")*', "a", True),
    ],
)
def test_examples(expression: str, following: str, so: bool) -> None:
    assert goes_on(expression, following) is so


def joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(" ".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"({' | '.join(parts)})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{2,}"])).map(lambda p: f"({p[0]}){p[1]}"),
    )


EXPRESSIONS = st.recursive(st.sampled_from(['"a"', '"ab"', "[ab]", "[^a]", '"c"']), joined, max_leaves=5)
TEXTS = ["".join(letters) for size in range(6) for letters in product(LETTERS, repeat=size)]


@given(EXPRESSIONS, st.sampled_from(LETTERS))
def test_it_says_no_only_where_no_text_is_gone_on_with(expression: str, following: str) -> None:
    pattern = re.compile(re.sub(r'["\s]', "", expression).replace("[^a]", "[bc]"))
    taken = [text for text in TEXTS if pattern.fullmatch(text)]
    seen = any(longer.startswith(text + following) for text in taken for longer in taken)
    assert not seen or goes_on(expression, following)


@given(EXPRESSIONS, st.sampled_from("xyz"))
def test_it_says_no_for_what_the_rule_has_not(expression: str, following: str) -> None:
    assert "[^" in expression or not goes_on(expression, following)


def test_what_would_take_too_long_is_given_up() -> None:
    with pytest.raises(TooMuch):
        places('[ab]* "a" [ab]{40}', 20_000).goes_on(((97, 97),))
