"""Which tokens a request rules out, and where."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import InvalidRequest
from headrace.llm.forbidden import Forbidden

VOCABULARY = 12
TOKENS = st.integers(0, VOCABULARY - 1)


def left(forbidden: Forbidden, *last: int) -> set[int]:
    row = np.linspace(1, 2, VOCABULARY).astype(np.float32)
    before = row.copy()
    forbidden.apply(row, last)
    possible = row > -np.inf
    assert (row[possible] == before[possible]).all()
    return set(np.flatnonzero(possible).tolist())


def test_only_allowed_tokens_are_left() -> None:
    assert left(Forbidden((7, 3, 3)), 1, 2) == {3, 7}


def test_a_word_of_one_token_never_comes() -> None:
    assert left(Forbidden(None, [(4,)])) == left(Forbidden(None, [(4,)]), 4, 4) == set(range(VOCABULARY)) - {4}


def test_the_last_token_of_a_word_may_not_follow_the_others() -> None:
    forbidden = Forbidden(None, [(4, 5, 6)])
    assert left(forbidden, 9, 4, 5) == set(range(VOCABULARY)) - {6}
    assert left(forbidden, 5) == left(forbidden, 4, 9, 5) == left(forbidden) == set(range(VOCABULARY))


def test_it_says_how_far_it_looks_back() -> None:
    assert (Forbidden(None, [(4, 5, 6), (1,)]).looks_back, Forbidden((1,)).looks_back) == (2, 0)


@pytest.mark.parametrize(
    ("forbidden", "where"),
    [(Forbidden((1, 2)), "allowed_token_ids"), (Forbidden((1, 5), [(4, 5)]), "bad_words")],
)
def test_a_forbidden_token_is_refused_by_the_field_that_forbids_it(forbidden: Forbidden, where: str) -> None:
    forbidden.check(1, (4,))
    with pytest.raises(InvalidRequest) as refusal:
        forbidden.check(5, (4,))
    assert refusal.value.where == where


def as_vllm_does(words: Sequence[Sequence[int]], generated: Sequence[int]) -> set[int]:
    """The tokens that each word rules out: its last, where what was generated ends with those before."""
    out = set()
    for *before, last in words:
        if len(before) <= len(generated) and list(generated)[len(generated) - len(before) :] == before:
            out.add(last)
    return out


@given(
    st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=4), max_size=8), st.lists(st.integers(0, 3), max_size=8)
)
def test_words_rule_out_what_they_do_in_vllm(words: list[list[int]], generated: list[int]) -> None:
    assert left(Forbidden(None, words), *generated) == set(range(VOCABULARY)) - as_vllm_does(words, generated)


@given(st.sets(TOKENS, min_size=1), st.lists(st.lists(TOKENS, min_size=1, max_size=2), max_size=8), TOKENS, TOKENS)
def test_what_is_refused_is_what_is_left_out(
    allowed: set[int], words: list[list[int]], last: int, token_id: int
) -> None:
    forbidden = Forbidden(allowed, words)
    try:
        forbidden.check(token_id, (last,))
    except InvalidRequest:
        assert token_id not in left(forbidden, last)
    else:
        assert token_id in left(forbidden, last)
