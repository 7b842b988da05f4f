"""Those leave whose stay is worth least, and no more than are needed."""

from hypothesis import given
from hypothesis import strategies as st

from headrace.memory.eviction import Resident, victims

RESIDENTS = st.lists(
    st.builds(
        Resident,
        key=st.uuids(),
        held_bytes=st.integers(0, 1000),
        rate=st.floats(0, 100),
        reload_s=st.floats(0, 10),
        pinned=st.booleans(),
        busy=st.booleans(),
    ),
    max_size=12,
)


def test_the_least_asked_for_leaves() -> None:
    residents = [Resident(name, 10, rate, 1.0) for name, rate in (("a", 3.0), ("b", 1.0), ("c", 2.0))]
    assert [each.key for each in victims(residents, 5) or ()] == ["b"]


def test_of_two_asked_for_alike_the_one_that_comes_back_sooner_leaves() -> None:
    residents = [Resident("slow", 10, 1.0, 5.0), Resident("fast", 10, 1.0, 0.1)]
    assert [each.key for each in victims(residents, 5) or ()] == ["fast"]


def test_of_two_asked_for_alike_the_larger_leaves() -> None:
    residents = [Resident("small", 10, 1.0, 1.0), Resident("large", 100, 1.0, 1.0)]
    assert [each.key for each in victims(residents, 5) or ()] == ["large"]


@given(RESIDENTS, st.integers(1, 5000))
def test_enough_leave_none_that_may_not_and_none_that_need_not(residents: list[Resident[str]], needed: int) -> None:
    chosen = victims(residents, needed)
    free = [each for each in residents if not each.pinned and not each.busy]
    if chosen is None:
        assert sum(each.held_bytes for each in free) < needed
        return
    assert all(each in free for each in chosen)
    given_back = sum(each.held_bytes for each in chosen)
    assert given_back >= needed
    assert all(given_back - each.held_bytes < needed for each in chosen)
