"""Of too many lines one in so many is written, and none is where that would be too many a second."""

from hypothesis import given
from hypothesis import strategies as st

from headrace.observe.thinning import Thinning

SECOND = 1_000_000_000


def test_what_there_is_room_for_is_all_let_through() -> None:
    assert Thinning(10).pick(10, 0) == (range(10), 1)


def test_of_more_one_in_so_many_is() -> None:
    places, stands_for = Thinning(10).pick(95, 0)
    assert (len(places), stands_for) == (10, 10)


def test_room_comes_with_time() -> None:
    thinning = Thinning(10)
    thinning.pick(10, 0)
    assert len(thinning.pick(5, 0)[0]) == 0
    assert len(thinning.pick(5, SECOND // 2)[0]) == 5


def test_where_there_was_no_room_the_next_stands_for_those_too() -> None:
    thinning = Thinning(10)
    thinning.pick(10, 0)
    thinning.pick(30, 0)
    assert thinning.pick(10, SECOND // 10) == (range(0, 10, 10), 40)


def test_none_is_let_through_where_none_is_wanted() -> None:
    assert len(Thinning(0).pick(100, 0)[0]) == 0


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(-(10**8), 10**9)), max_size=40), st.integers(1, 100))
def test_never_more_than_the_limit_whatever_comes(lots: list[tuple[int, int]], limit: int) -> None:
    thinning, now_ns, latest_ns, picked = Thinning(limit), 0, 0, 0
    thinning.pick(0, 0)
    for number, later_ns in lots:
        now_ns += later_ns
        latest_ns = max(latest_ns, now_ns)
        places, _ = thinning.pick(number, now_ns)
        assert all(place < number for place in places)
        picked += len(places)
    assert picked <= limit + limit * latest_ns / SECOND + 1
