"""Which machine a request goes to."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from headrace.simulate.feeding import Random, RoundRobin, Shortest, make_feed


def test_in_turn_each_machine_gets_as_many() -> None:
    feed = RoundRobin(3)
    assert [feed.choose() for _ in range(6)] == [0, 1, 2, 0, 1, 2]


def test_by_lot_all_machines_get_some() -> None:
    feed = Random(4, seed=1)
    assert set(Counter(feed.choose() for _ in range(400)).values()) != {100}
    assert len({feed.choose() for _ in range(400)}) == 4


def test_the_names_are_those_ways() -> None:
    assert isinstance(make_feed("shortest", 2, 0), Shortest)
    assert isinstance(make_feed("round-robin", 2, 0), RoundRobin)
    assert isinstance(make_feed("random", 2, 0), Random)


@given(st.integers(1, 5), st.lists(st.tuples(st.booleans(), st.integers(0, 4), st.integers(1, 3)), max_size=60))
def test_the_one_that_holds_fewest_is_chosen(machines: int, steps: list[tuple[bool, int, int]]) -> None:
    feed, held = Shortest(machines), [0] * machines
    for asks, which, count in steps:
        if asks:
            chosen = feed.choose()
            assert held[chosen] == min(held)
            held[chosen] += 1
        elif (done := min(count, held[which % machines])) > 0:
            feed.done(which % machines, done)
            held[which % machines] -= done
