"""What one run in a hundred exceeds."""

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.batching.margin import ENOUGH, MOST, PRIOR, Margin, quantile
from tests.batching.machines import NOISES


def test_until_enough_is_known_it_is_about_the_prior_at_least() -> None:
    margin = Margin()
    for _ in range(ENOUGH):
        assert margin.times > 0.95 * PRIOR
        margin.learn(1.0)
    assert margin.times == 1.0


def test_the_quantile_is_exact_once_there_are_a_hundred() -> None:
    assert quantile([1 + index / 1000 for index in range(100)]) == 1.099
    assert quantile([1 + index / 1000 for index in range(256)]) == 1.254


@pytest.mark.parametrize("noise", NOISES)
def test_misses_come_about_as_often_as_they_may(noise: Callable[[Random], float]) -> None:
    margin, random, missed = Margin(), Random(3), 0
    for count in range(10_300):
        ratio = noise(random)
        missed += count >= 300 and ratio > margin.times
        margin.learn(ratio)
    assert 0.005 <= missed / 10_000 <= 0.015


def test_a_tail_that_grows_is_caught_up_with() -> None:
    margin, random = Margin(), Random(3)
    for _ in range(300):
        margin.learn(1.0)
    missed = 0
    for count in range(1000):
        ratio = random.lognormvariate(0.0, 0.3)
        missed += count >= 50 and ratio > margin.times
        margin.learn(ratio)
    assert missed <= 20


@given(st.lists(st.floats(0, 1e6), max_size=400))
def test_it_is_never_less_than_once_nor_beyond_what_was_seen(ratios: list[float]) -> None:
    margin = Margin()
    for ratio in ratios:
        margin.learn(ratio)
        assert 1.0 <= margin.times <= MOST * max(PRIOR, *ratios, 0.0)
