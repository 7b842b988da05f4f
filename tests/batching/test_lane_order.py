"""Who runs next on a lane that models share, and for how long."""

from hypothesis import given
from hypothesis import strategies as st

from headrace.batching.lane_order import INFINITE, Head, chosen, room_ns


def head(start_by: float, needs: float = 1.0, level: int = 5, queued: int = 0, foreseen: bool = True) -> Head:
    return Head(level, queued, start_by, needs, foreseen)


def test_the_one_with_least_time_left_to_begin_goes_first() -> None:
    assert chosen([head(30), head(20), head(25)], 0) == 1


def test_one_that_would_make_another_late_waits_for_it_where_it_can() -> None:
    long, short = head(10, needs=60), head(15, needs=2)
    assert chosen([long, short], 0) == 1
    assert chosen([long, short], 9) == 0  # it can wait no longer


def test_one_that_is_late_already_holds_nobody_back() -> None:
    late, fresh = head(5, needs=60), head(90, needs=2)
    assert chosen([late, fresh], 10) == 0
    assert room_ns([late, fresh], 1, 10) == INFINITE


def test_a_higher_level_goes_first_and_takes_no_heed_of_lower_ones() -> None:
    heads = [head(10, level=5), head(500, needs=60, level=1)]
    assert chosen(heads, 0) == 1
    assert room_ns(heads, 1, 0) == INFINITE
    assert room_ns(heads, 0, 0) == 500


def test_a_run_has_the_time_that_the_others_can_wait() -> None:
    assert room_ns([head(10, needs=2), head(40), head(30)], 0, 5) == 25


def test_where_the_shortest_run_is_too_long_a_longer_one_does_no_more_harm() -> None:
    assert room_ns([head(10, needs=60), head(40)], 0, 5) == INFINITE


def test_first_come_first_served_where_one_foresees_nothing() -> None:
    heads = [head(10, queued=7), head(INFINITE, queued=3, foreseen=False)]
    assert chosen(heads, 0) == 1


@given(
    st.lists(st.builds(head, st.integers(0, 50), st.integers(0, 30), st.integers(1, 2)), min_size=1, max_size=5),
    st.integers(0, 30),
)
def test_nobody_is_made_late_by_one_that_could_have_waited(heads: list[Head], now: int) -> None:
    number = chosen(heads, now)
    mine = heads[number]
    harmed = [
        h for h in heads if h is not mine and h.level <= mine.level and now <= h.start_by_ns < now + mine.needs_ns
    ]
    if harmed:  # then everybody harms somebody, and the most urgent goes
        assert number == min(range(len(heads)), key=lambda n: (heads[n].level, heads[n].start_by_ns, n))
    room = room_ns(heads, number, now)
    if room < INFINITE:
        assert room >= mine.needs_ns
        feasible = [h for h in heads if h is not mine and h.level <= mine.level and h.start_by_ns >= now]
        assert all(now + room <= h.start_by_ns for h in feasible)
