"""What runs take while others wait."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.batching.busy_runs import HELD_UP, BusyRuns

MS = 1_000_000


def seen(count: int = 100) -> BusyRuns:
    """Runs of 10 ms whose parts would take 8."""
    busy_runs = BusyRuns()
    for _ in range(count):
        busy_runs.ran(10 * MS, 10 * MS, 8 * MS)
    return busy_runs


def test_nothing_is_known_at_first() -> None:
    assert (BusyRuns().ns, BusyRuns().times_parts) == (0.0, 1.0)


def test_it_is_the_mean_of_late() -> None:
    assert seen(1).ns == 10 * MS
    assert 1.0 < seen(1).times_parts < 10 / 8
    assert seen().ns == pytest.approx(10 * MS)
    assert seen().times_parts == pytest.approx(10 / 8, rel=0.01)


def test_of_what_nothing_was_foreseen_all_is_believed() -> None:
    busy_runs = BusyRuns()
    busy_runs.ran(40 * MS, 0.0, 0.0)
    assert (busy_runs.ns, busy_runs.times_parts) == (40 * MS, 1.0)


def test_a_run_that_stood_still_for_a_minute_counts_as_twice_what_was_foreseen() -> None:
    held_up, twice = seen(), seen()
    held_up.ran(60_000 * MS, 10 * MS, 8 * MS)
    twice.ran(20 * MS, 10 * MS, 8 * MS)
    assert (held_up.ns, held_up.times_parts) == (twice.ns, twice.times_parts)


def test_runs_that_nobody_waits_behind_do_away_with_what_was() -> None:
    busy_runs = BusyRuns()
    busy_runs.ran(1000 * MS, 1000 * MS, 100 * MS)
    for _ in range(500):
        busy_runs.ran_alone(5 * MS, 5 * MS)
    assert busy_runs.ns == pytest.approx(5 * MS, rel=0.1)
    assert busy_runs.times_parts == pytest.approx(1.0, rel=0.1)


def test_runs_that_nobody_waits_behind_say_nothing_of_those_that_others_wait_for() -> None:
    busy_runs = BusyRuns()
    busy_runs.ran_alone(5 * MS, 5 * MS)
    assert busy_runs.ns == 0.0


runs = st.tuples(st.booleans(), st.floats(0.1, 1e5))


@given(st.lists(runs, max_size=300))
def test_whatever_holds_runs_up_they_stay_near_what_is_foreseen(what: list[tuple[bool, float]]) -> None:
    busy_runs = seen()
    for waits, times in what:
        if waits:
            busy_runs.ran(times * 10 * MS, 10 * MS, 8 * MS)
        else:
            busy_runs.ran_alone(times * 10 * MS, 10 * MS)
    assert 0.1 * 10 * MS <= busy_runs.ns <= HELD_UP * 10 * MS
    assert 0.1 <= busy_runs.times_parts <= HELD_UP * 10 / 8
