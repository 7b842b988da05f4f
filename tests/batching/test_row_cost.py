"""What a request takes of a busy machine."""

import pytest

from headrace.batching.latency import Latency
from headrace.batching.row_cost import LOOKED_UP_FOR, UNUSED, RowCost


def known(fixed_ms: float = 2.0, row_ms: float = 1.0) -> Latency:
    latency = Latency()
    for _ in range(5):
        for rows in (1, 2, 4, 8, 16):
            latency.learn(rows, 0, (fixed_ms + row_ms * rows) * 1e6)
    return latency


def test_as_long_as_nothing_is_known_it_is_nothing() -> None:
    assert RowCost(Latency())(3, 0) == 0.0


def test_it_is_the_rows_part_of_a_large_run() -> None:
    assert RowCost(known())(1, 0) == pytest.approx(18e6 / 16, rel=0.05)
    assert RowCost(known())(3, 0) == pytest.approx(3 * 18e6 / 16, rel=0.05)


def test_no_run_is_larger_than_it_may_be() -> None:
    assert RowCost(known(), max_size=1)(1, 0) == pytest.approx(3e6, rel=0.05)


def test_lanes_share_it() -> None:
    assert RowCost(known(), lanes=2)(1, 0) == pytest.approx(9e6 / 16, rel=0.05)


def test_a_longer_row_takes_more() -> None:
    latency = Latency()
    for _ in range(5):
        for length in (8, 64, 512):
            latency.learn(16, length, length * 1e5)
            latency.learn(1, length, length * 1e4)
    cost = RowCost(latency)
    assert cost(1, 8) < cost(1, 60) < cost(1, 500)


def test_what_changed_is_seen_after_a_while() -> None:
    latency = known()
    cost = RowCost(latency)
    before = cost(1, 0)
    for _ in range(40):
        latency.learn(16, 0, 90e6)
    assert cost(1, 0) == before
    for _ in range(LOOKED_UP_FOR):
        cost(1, 0)
    assert cost(1, 0) > 2 * before


def asked(cost: RowCost, looks: int) -> float:
    """What a row costs after so many looks."""
    for _ in range(looks * (LOOKED_UP_FOR + 1)):
        cost(1, 0)
    return cost(1, 0)


def test_what_does_not_run_while_others_do_is_not_taken_to_be_slow_for_ever() -> None:
    latency = known()
    cost = RowCost(latency)
    usual = cost(1, 0)
    for _ in range(20):
        latency.learn(16, 0, 3 * 18e6)
    assert asked(cost, 2) == pytest.approx(3 * usual, rel=0.1)
    assert asked(cost, UNUSED + 8) == pytest.approx(usual, rel=0.1)


def test_what_runs_now_and_then_stays_as_slow_as_it_is() -> None:
    latency = known()
    cost = RowCost(latency)
    usual = cost(1, 0)
    for _ in range(20):
        latency.learn(16, 0, 3 * 18e6)
        asked(cost, 3)
    assert cost(1, 0) == pytest.approx(3 * usual, rel=0.1)
