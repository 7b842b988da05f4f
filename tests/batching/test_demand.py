"""How much is being asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.batching.demand import LN2, Demand

SECOND = 1_000_000_000


def asked(demand: Demand, begin_ns: int, count: int, every_ns: int, rows: int = 1, cost_ns: float = 0.0) -> int:
    for index in range(count):
        demand.arrived(begin_ns + index * every_ns, rows, cost_ns)
    return begin_ns + (count - 1) * every_ns


def test_nothing_is_asked_for_at_first() -> None:
    demand = Demand()
    assert (demand.rate(5), demand.rows(5), demand.load(5)) == (0.0, 0.0, 0.0)


def test_a_steady_rate_is_found() -> None:
    demand = Demand()
    now = asked(demand, 7 * SECOND, 2000, SECOND // 100, rows=3, cost_ns=8e6)
    assert demand.rate(now) == pytest.approx(100, rel=0.05)
    assert demand.rows(now) == pytest.approx(300, rel=0.05)
    assert demand.load(now) == pytest.approx(0.8, rel=0.05)


def test_a_burst_is_seen_within_its_first_half_second() -> None:
    demand = Demand()
    now = asked(demand, 0, 100, SECOND // 10)
    now = asked(demand, now, 500, SECOND // 1000)
    assert demand.rate(now) > 800


def test_what_begins_is_taken_to_go_on_once_it_was_seen_for_so_long() -> None:
    demand, slow = Demand((SECOND,), seen_after_ns=SECOND // 4), Demand((SECOND,))
    now = 0
    for begin in (5 * SECOND, 30 * SECOND):  # the pause between them is a new beginning
        for each in (demand, slow):
            now = asked(each, begin, 60, SECOND // 200, cost_ns=5e6)
        assert demand.load(now) == pytest.approx(1.0, rel=0.15)
        assert demand.rate(now) == pytest.approx(200, rel=0.15)
        assert slow.load(now) < 0.25
    asked(demand, now, 2000, SECOND // 200, cost_ns=5e6)
    assert demand.load(now + 10 * SECOND) == pytest.approx(1.0, rel=0.05)


def test_a_few_that_come_at_once_are_not_yet_a_rate() -> None:
    demand = Demand((SECOND,), seen_after_ns=SECOND // 4)
    now = asked(demand, 5 * SECOND, 8, 1000)
    assert demand.rate(now) == pytest.approx(8 * LN2, rel=0.15)


def test_a_pause_of_a_fifth_of_a_second_is_not_the_end() -> None:
    demand = Demand()
    now = asked(demand, 0, 1000, SECOND // 100)
    assert demand.rate(now + SECOND // 5) > 90


def test_what_is_long_past_is_forgotten() -> None:
    demand = Demand()
    now = asked(demand, 0, 1000, SECOND // 100)
    assert demand.rate(now + 20 * SECOND) < 0.2


def test_time_that_goes_back_changes_nothing() -> None:
    demand = Demand()
    demand.arrived(SECOND, 1, 1.0)
    demand.arrived(0, 1, 1.0)
    assert demand.rate(0) == demand.rate(SECOND) > 0


@given(st.lists(st.tuples(st.integers(0, 10**10), st.integers(1, 64), st.floats(0, 1e9)), max_size=50))
def test_rows_are_no_fewer_than_requests_and_nothing_is_negative(arrivals: list[tuple[int, int, float]]) -> None:
    demand, now = Demand(), 0
    for passed, rows, cost in arrivals:
        now += passed
        demand.arrived(now, rows, cost)
        assert 0 <= demand.rate(now) <= demand.rows(now) * (1 + 1e-9)
        assert demand.load(now) >= 0


def test_several_that_come_at_once_count_as_so_many() -> None:
    one_by_one, at_once = Demand(), Demand()
    for at_ms in range(200):
        for _ in range(4):
            one_by_one.arrived(at_ms * 1_000_000, 1, 1e6)
        at_once.arrived(at_ms * 1_000_000, 4, 4e6, requests=4)
    assert at_once.rate(200 * 1_000_000) == pytest.approx(one_by_one.rate(200 * 1_000_000))
    assert at_once.rows(200 * 1_000_000) == pytest.approx(one_by_one.rows(200 * 1_000_000))
