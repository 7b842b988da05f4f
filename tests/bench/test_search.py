"""The search for the highest rate that holds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.bench.search import Search, holds, wilson


def _run(search: Search, share: float, border: float, sent: int, random: np.random.Generator) -> None:
    """A server that answers all in time up to its border, and `share` of it a tenth above."""
    while (rate := search.next_rate()) is not None:
        miss = min(1.0, max(0.0, (rate / border - 1) * (1 - share) * 10 + 0.01)) if rate > border * 0.9 else 0.0
        search.observe(sent, sent - int(random.binomial(sent, miss)))


@settings(max_examples=60)
@given(st.floats(1.0, 10_000.0), st.floats(0.02, 50.0), st.integers(0, 1000))
def test_it_ends_near_the_border_wherever_it_begins(border: float, factor: float, seed: int) -> None:
    search = Search(border * factor, precision=0.05, most=60)
    _run(search, 0.5, border, 2000, np.random.default_rng(seed))
    assert search.best is not None
    assert 0.85 * border <= search.best <= 1.06 * border
    assert search.upper <= search.best * 1.05 * 1.001


@given(st.lists(st.tuples(st.integers(0, 500), st.floats(0, 1)), min_size=80, max_size=80))
def test_it_always_ends_and_what_held_is_below_what_failed(tries: list[tuple[int, float]]) -> None:
    search = Search(100.0, most=24)
    for sent, share in tries:
        if search.next_rate() is None:
            break
        search.observe(sent, int(sent * share))
    assert search.next_rate() is None
    assert search.lower < search.upper


def test_a_rate_near_the_border_is_tried_again_and_the_tries_count_together() -> None:
    search = Search(100.0, attainment=0.99, tries=3)
    assert search.observe(500, 496) == "unclear"
    assert search.next_rate() == 100.0
    assert search.observe(500, 495) == "unclear"
    assert search.observe(500, 490) == "fails"
    assert (search.tries[0].count, search.tries[0].sent, search.tries[0].in_time) == (3, 1500, 1481)
    assert search.next_rate() == 50.0


def test_a_rate_far_from_the_border_is_tried_once() -> None:
    search = Search(100.0)
    assert search.observe(1000, 1000) == "holds"
    assert search.next_rate() == 200.0
    assert search.observe(1000, 500) == "fails"
    assert search.next_rate() == pytest.approx(141.42, abs=0.01)


def test_a_server_that_holds_nothing_has_no_best_rate() -> None:
    search = Search(100.0, most=5)
    while search.next_rate() is not None:
        search.observe(100, 0)
    assert search.best is None
    assert search.upper == 100.0 / 2**4


def test_nothing_sent_holds_nothing() -> None:
    assert holds(0, 0, 0.99) == "fails"
    assert holds(50, 50, 0.99) == "holds"


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_the_bounds_of_a_share_hold_it(count: int, share: float) -> None:
    successes = int(count * share)
    low, high = wilson(successes, count)
    assert 0 <= low <= successes / count + 1e-9
    assert successes / count - 1e-9 <= high <= 1
