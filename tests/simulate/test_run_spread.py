"""Ratios that were measured come again as they came, for runs of about the same length."""

import itertools
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.batching.margin import Margin
from headrace.simulate.run_spread import FEW, Spread

MS = 1e6


def drawn(spread: Spread, typical_ns: float, count: int = 8000, seed: int = 1) -> list[float]:
    draws = spread.draws(seed)
    return [draws.ratio(typical_ns) for _ in range(count)]


def test_what_was_slow_in_a_row_stays_so() -> None:
    slow_moments = [1.0] * 60 + [3.0] * 30
    found = drawn(Spread(slow_moments), MS)
    after_slow = [after for before, after in itertools.pairwise(found) if before == 3.0]
    assert statistics.mean(each == 3.0 for each in after_slow) > 0.8


def test_a_long_run_is_not_held_up_as_a_short_one_was_in_proportion() -> None:
    spread = Spread([1.0, 1.0, 4.0, 1.1] * 64, [3 * MS, 60 * MS] * 128)
    assert statistics.mean(drawn(spread, 3 * MS)) == pytest.approx(2.5, rel=0.05)
    assert max(drawn(spread, 60 * MS)) == pytest.approx(1.1, rel=0.1)


def test_a_length_that_was_never_run_varies_as_all_do() -> None:
    spread = Spread([1.0, 1.0, 4.0, 1.1] * 64, [3 * MS, 60 * MS] * 128)
    assert statistics.mean(drawn(spread, 2000 * MS)) == pytest.approx(1.78, rel=0.1)


@pytest.mark.parametrize("ratios", [[], [5.0] * (FEW - 1)])
def test_few_say_nothing_of_the_spread(ratios: list[float]) -> None:
    assert set(drawn(Spread(ratios, [MS] * len(ratios)), MS, 50)) == {1.0}


def test_a_margin_without_times_is_taken_as_it_is() -> None:
    margin = {"ratios": [1.0, 1.0, 2.0] * 20}
    assert set(drawn(Spread.of(margin), MS)) == {1.0, 2.0}


def test_what_a_margin_keeps_is_drawn_from() -> None:
    margin = Margin()
    for _ in range(60):
        margin.learn(3 * MS, 3.0)
        margin.learn(60 * MS, 1.0)
        margin.learn(60 * MS, 1.0)
    spread = Spread.of(margin.to_json())
    assert set(drawn(spread, 3 * MS)) == {3.0}
    assert set(drawn(spread, 60 * MS)) == {1.0}


@given(
    st.lists(st.tuples(st.floats(0.1, 100), st.floats(1e3, 1e10)), max_size=300),
    st.lists(st.floats(1, 1e12), min_size=1, max_size=50),
)
def test_every_ratio_is_one_of_those_measured(runs: list[tuple[float, float]], times: list[float]) -> None:
    spread = Spread([ratio for ratio, _ in runs], [ns for _, ns in runs])
    draws = spread.draws(0)
    assert {draws.ratio(ns) for ns in times} <= set(spread.ratios)
