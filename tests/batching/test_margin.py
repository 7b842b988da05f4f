"""What one run in a hundred exceeds."""

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.batching.margin import ENOUGH, FEW, KEPT_READ, MOST, PRIOR, Margin, quantile
from tests.batching.machines import NOISES

MS = 1e6


def test_until_enough_is_known_it_is_about_the_prior_at_least() -> None:
    margin = Margin()
    for _ in range(ENOUGH):
        assert margin.times(MS) > 0.95 * PRIOR
        margin.learn(MS, 1.0)
    assert margin.times(MS) == 1.0


def test_the_quantile_is_exact_once_there_are_a_hundred() -> None:
    assert quantile([1 + index / 1000 for index in range(100)]) == 1.099
    assert quantile([1 + index / 1000 for index in range(256)]) == 1.254


@pytest.mark.parametrize("noise", NOISES)
def test_misses_come_about_as_often_as_they_may(noise: Callable[[Random], float]) -> None:
    margin, random, missed = Margin(), Random(3), 0
    for count in range(10_300):
        ratio = noise(random)
        missed += count >= 300 and ratio > margin.times(MS)
        margin.learn(MS, ratio)
    assert 0.005 <= missed / 10_000 <= 0.015


def test_a_tail_that_grows_is_caught_up_with() -> None:
    margin, random = Margin(), Random(3)
    for _ in range(300):
        margin.learn(MS, 1.0)
    missed = 0
    for count in range(1000):
        ratio = random.lognormvariate(0.0, 0.3)
        missed += count >= 50 and ratio > margin.times(MS)
        margin.learn(MS, ratio)
    assert missed <= 20


@given(st.lists(st.floats(0, 1e6), max_size=400))
def test_it_is_never_less_than_once_nor_beyond_what_was_seen(ratios: list[float]) -> None:
    margin = Margin()
    for ratio in ratios:
        margin.learn(MS, ratio)
        assert 1.0 <= margin.times(MS) <= MOST * max(PRIOR, *ratios, 0.0)


def test_long_runs_are_not_given_the_margin_of_short_ones() -> None:
    margin = Margin()
    for number in range(ENOUGH):
        margin.learn(2 * MS, 1.0 + number / 100)
        margin.learn(60 * MS, 1.0 + number / 2000)
    assert margin.times(2 * MS) > 1.8
    assert margin.times(70 * MS) < 1.1
    assert margin.times(2000 * MS) > 1.8  # of which there were none: as all


def kept(ratios: list[float], factor: float = 1.0) -> Margin:
    return Margin.from_json({"factor": factor, "ratios": ratios})


@pytest.mark.parametrize(
    ("ratios", "factor", "runs", "at_most"),
    [
        ([8.0] * 256, 1.0, KEPT_READ, PRIOR),  # a machine that was disturbed all the time
        ([1.0, 1.0, 1.0, 1.0, 8.0] * 51, 1.0, KEPT_READ, PRIOR),
        ([1.0] * 256, MOST, 0, PRIOR * MOST**0.5),
        ([1.0] * 256, 1.0, 0, PRIOR),
        ([], 1.0, 0, PRIOR),
    ],
)
def test_what_was_kept_counts_for_a_few_runs(ratios: list[float], factor: float, runs: int, at_most: float) -> None:
    margin = kept(ratios, factor)
    for _ in range(runs):
        margin.learn(MS, 1.0)
    assert margin.times(MS) <= 1.1 * at_most


def test_a_machine_that_was_uneven_all_the_time_is_taken_for_one_at_first() -> None:
    margin = kept([1.0, 3.0] * 100)
    assert margin.times(MS) == 3.0
    for _ in range(FEW):
        margin.learn(MS, 2.5)
    assert margin.times(MS) >= 2.4
