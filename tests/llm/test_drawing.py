"""Draws have the distribution that the rules say, against the obvious way and by counting."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.generation import Sampling
from headrace.llm.drawing import draw, probabilities
from headrace.llm.randomness import stream_key, uniform
from tests.chi_square import fits, tally
from tests.llm import reference_sampling

RULES = {
    "temperature": Sampling(temperature=0.7),
    "temperature 1": Sampling(),
    "hot": Sampling(temperature=5.0),
    "top_p": Sampling(top_p=0.8),
    "little top_p": Sampling(temperature=2.0, top_p=0.3),
    "top_k": Sampling(top_k=5),
    "min_p": Sampling(min_p=0.1),
    "top_k, top_p": Sampling(temperature=1.5, top_k=7, top_p=0.8),
    "all": Sampling(temperature=1.5, min_p=0.05, top_k=7, top_p=0.9),
}
ROW = np.random.default_rng(11).normal(scale=1.5, size=48).astype(np.float32)
SAMPLING = st.builds(
    Sampling,
    temperature=st.sampled_from([0.01, 0.5, 1.0, 3.0]),
    top_k=st.sampled_from([0, 1, 3, 20, 1000]),
    top_p=st.sampled_from([0.02, 0.5, 0.9, 1.0]),
    min_p=st.sampled_from([0.0, 0.05, 0.7]),
)
LOGITS = st.lists(st.sampled_from([-np.inf, -2.0, 0.0, 1.5]) | st.floats(-6, 6, width=16), min_size=1, max_size=40)


def drawn(row: np.ndarray[tuple[int], np.dtype[np.float32]], sampling: Sampling, u: Callable[[int], float]) -> int:
    return draw(row, sampling, u, np.empty_like(row))


@given(LOGITS.filter(lambda values: max(values) > -np.inf), SAMPLING)
def test_probabilities_are_those_of_the_obvious_way(values: list[float], sampling: Sampling) -> None:
    expected = reference_sampling.distribution(values, sampling)
    np.testing.assert_allclose(probabilities(np.array(values, np.float32), sampling), expected, atol=1e-6)


@given(LOGITS.filter(lambda values: max(values) > -np.inf), SAMPLING, st.integers(0, 1 << 64))
def test_what_is_drawn_was_possible(values: list[float], sampling: Sampling, seed: int) -> None:
    token_id = drawn(np.array(values, np.float32), sampling, partial(uniform, stream_key(seed), 0))
    assert reference_sampling.distribution(values, sampling)[token_id] > 0


@pytest.mark.parametrize("rules", RULES)
def test_draws_follow_the_distribution(rules: str) -> None:
    draws = [drawn(ROW, RULES[rules], partial(uniform, stream_key(1), position)) for position in range(6_000)]
    expected = reference_sampling.distribution(ROW.tolist(), RULES[rules])
    assert fits(tally(draws, ROW.size), expected, 1e-3 / len(RULES))


def test_a_nucleus_much_smaller_than_the_mass_around_it_is_drawn_from_right() -> None:
    row = np.random.default_rng(5).normal(scale=0.01, size=960).astype(np.float32)
    sampling = Sampling(top_p=0.02)
    draws = [drawn(row, sampling, partial(uniform, stream_key(2), position)) for position in range(2_000)]
    assert fits(tally(draws, row.size), reference_sampling.distribution(row.tolist(), sampling), 1e-3)


def test_temperature_towards_zero_is_greedy() -> None:
    draws = {drawn(ROW, Sampling(temperature=1e-4), partial(uniform, stream_key(3), n)) for n in range(200)}
    assert draws == {int(ROW.argmax())}


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("share", [0.0, 1 - 2.0**-53])
def test_the_ends_of_the_random_range_are_tokens_too(rules: str, share: float) -> None:
    token_id = drawn(ROW, RULES[rules], lambda _: share)
    assert reference_sampling.distribution(ROW.tolist(), RULES[rules])[token_id] > 0


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("offset", [-1e6, -300.0, 300.0, 1e6])
def test_logits_of_any_size_are_taken(rules: str, offset: float) -> None:
    row = np.array([0, 1, 2, -5], np.float32) + np.float32(offset)
    assert 0 <= drawn(row, RULES[rules], lambda _: 0.5) < 4


@pytest.mark.parametrize("rules", RULES)
def test_logits_that_differ_in_the_last_bit_give_the_same_token(rules: str) -> None:
    near = np.nextafter(ROW, np.float32(100))
    pairs = [
        (drawn(ROW, RULES[rules], u), drawn(near, RULES[rules], u))
        for u in (partial(uniform, stream_key(4), n) for n in range(500))
    ]
    assert all(one == other for one, other in pairs)


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("fault", [np.nan, np.inf])
def test_logits_that_are_no_numbers_give_a_token_all_the_same(rules: str, fault: float) -> None:
    row = ROW.copy()
    row[17] = fault
    assert drawn(row, RULES[rules], lambda _: 0.5) == 17


@pytest.mark.parametrize("vocabulary", [1, 97, 50_257, 49_152])
def test_a_vocabulary_of_any_size_is_drawn_from(vocabulary: int) -> None:
    row = np.zeros(vocabulary, np.float32)
    middle = drawn(row, Sampling(top_p=0.999), lambda _: 0.5)
    assert 0 <= middle < vocabulary
