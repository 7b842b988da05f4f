"""What is left of a budget, and how fast it burns, is what was counted in each window."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.objectives.budget import BUCKETS, Bucket, Burn, Window, budget_remaining, burn_rate, burns

HOUR = 3600.0


def filled(span_s: float, good: int, bad: int) -> Window:
    window = Window(span_s)
    window.add(1e9, good, bad)
    return window


@pytest.mark.parametrize(
    ("good", "bad", "target", "rate", "left"),
    [
        (0, 0, 0.999, 0.0, 1.0),
        (1000, 0, 0.999, 0.0, 1.0),
        (999, 1, 0.999, 1.0, 0.0),
        (9995, 5, 0.999, 0.5, 0.5),
        (990, 10, 0.99, 1.0, 0.0),
        (980, 20, 0.99, 2.0, -1.0),
        (0, 10, 0.9, 10.0, -9.0),
    ],
)
def test_a_budget_is_the_failures_that_a_target_allows(
    good: int, bad: int, target: float, rate: float, left: float
) -> None:
    assert burn_rate(good, bad, target) == pytest.approx(rate)
    assert budget_remaining(good, bad, target) == pytest.approx(left)


@pytest.mark.parametrize(
    ("long", "short", "least", "fires"),
    [
        ((9800, 200), (800, 20), 1, True),  # 20 times and 24 times as fast
        ((9800, 200), (1000, 0), 1, False),  # it is over
        ((9990, 10), (800, 20), 1, False),  # it has only begun
        ((98, 2), (8, 2), 3, False),  # too few to mean anything
    ],
)
def test_a_burn_takes_both_windows_and_enough_failures(
    long: tuple[int, int], short: tuple[int, int], least: int, fires: bool
) -> None:
    rule = Burn(14.4, HOUR, 300.0)
    assert burns(rule, filled(HOUR, *long), filled(300.0, *short), 0.999, least) is fires


def test_what_is_older_than_the_window_is_forgotten() -> None:
    window = Window(HOUR)
    window.add(0.0, 1, 2)
    window.add(HOUR / 2, 10, 20)
    window.move(HOUR)
    assert (window.good, window.bad) == (10, 20)
    window.move(10 * HOUR)
    assert (window.good, window.bad) == (0, 0)


def test_time_that_goes_back_stands_still() -> None:
    window = Window(HOUR)
    window.add(10 * HOUR, 1, 0)
    window.add(2 * HOUR, 1, 0)
    assert (window.good, len(window.since(0))) == (2, 1)


def test_what_was_kept_is_taken_up_again() -> None:
    before, after = Window(HOUR), Window(HOUR)
    for minute in range(90):
        before.add(minute * 60.0, 5, 1)
    after.restore(before.since(0), 90 * 60.0)
    before.move(90 * 60.0)
    assert (after.good, after.bad) == (before.good, before.bad)
    assert after.since(0) == before.since(0)


def test_what_was_kept_of_the_future_is_not_taken_up() -> None:
    window = Window(HOUR)
    window.restore([Bucket(5 * HOUR, 1, 1), Bucket(1.5 * HOUR, 1, 0)], 2 * HOUR)
    assert (window.good, window.bad) == (1, 0)


@given(st.lists(st.tuples(st.floats(0, 50), st.integers(0, 9), st.integers(0, 9)), max_size=200))
def test_a_window_holds_what_a_sum_over_its_last_buckets_says(steps: list[tuple[float, int, int]]) -> None:
    window, told, now = Window(600.0), list[tuple[int, int, int]](), 0.0
    for passed, good, bad in steps:
        now += passed
        window.add(now, good, bad)
        told.append((int(now // window.width_s), good, bad))
    last = int(now // window.width_s)
    inside = [each for each in told if each[0] > last - BUCKETS]
    assert (window.good, window.bad) == (sum(each[1] for each in inside), sum(each[2] for each in inside))
    assert len(window.since(0)) <= BUCKETS
