"""When half of the threads are too few, and when they would do again."""

import pytest

from headrace.batching.thread_need import FULL, HOLD_NS, LITTLE, LONGEST_HOLD_NS, LOOKS, SHARE, Need, fullness, need

S = 1_000_000_000
NOTHING = Need()


def after(loads: list[float], now: Need = NOTHING, begin_ns: int = S) -> Need:
    """A look each second."""
    for number, load in enumerate(loads):
        now = need(now, load, begin_ns + number * S)
    return now


@pytest.mark.parametrize(
    ("loads", "needs_all"),
    [
        ([], False),
        ([FULL] * (LOOKS - 1), False),
        ([FULL] * LOOKS, True),
        ([FULL, FULL, 0.7, FULL, FULL], False),
        ([0.7] * 60, False),
    ],
)
def test_all_are_needed_once_half_are_too_few_look_after_look(loads: list[float], needs_all: bool) -> None:
    assert after(loads).all is needs_all


@pytest.mark.parametrize(
    ("load", "passed_ns", "needs_all"),
    [(LITTLE, HOLD_NS - 1, True), (LITTLE, HOLD_NS, False), (LITTLE + 0.01, 10 * HOLD_NS, True)],
)
def test_all_are_kept_for_a_while_and_until_little_is_asked_for(load: float, passed_ns: int, needs_all: bool) -> None:
    assert need(Need(True, S), load, S + passed_ns).all is needs_all


def test_where_half_were_too_few_again_soon_all_are_kept_for_twice_as_long() -> None:
    now, at_ns, held = Need(), S, []
    for _ in range(8):
        now = after([FULL] * LOOKS, now, at_ns)
        held.append(now.hold_ns)
        at_ns = now.since_ns + now.hold_ns
        now = need(now, LITTLE, at_ns)
        assert not now.all
    assert held == [min(HOLD_NS << number, LONGEST_HOLD_NS) for number in range(8)]


def test_where_half_have_done_for_long_it_begins_anew() -> None:
    now = Need(False, since_ns=S, hold_ns=LONGEST_HOLD_NS)
    assert after([FULL] * LOOKS, now, S + LONGEST_HOLD_NS).hold_ns == HOLD_NS


@pytest.mark.parametrize(
    ("load", "rate", "objective_ms", "found"),
    [
        (0.4, 100.0, 20.0, 0.4),  # 4 ms each
        (0.4, 100.0, None, 0.4),
        (0.0, 0.0, 20.0, 0.0),
        (0.05, 5.0, 1000 * 0.01 / SHARE, FULL),  # few, but each takes as much as it may
        (0.1, 5.0, 1000 * 0.01 / SHARE, 2 * FULL),
    ],
)
def test_it_is_full_too_where_each_request_takes_much_of_its_objective(
    load: float, rate: float, objective_ms: float | None, found: float
) -> None:
    assert fullness(load, rate, objective_ms) == pytest.approx(found)
