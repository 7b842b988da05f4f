"""Tenants are served by weight, and what one left unused is lost."""

from hypothesis import given
from hypothesis import strategies as st

from headrace.virtual_counters import MOST_TENANTS, VirtualCounters


def test_who_was_served_least_is_next() -> None:
    counters = VirtualCounters({})
    counters.served("a", 5.0)
    counters.served("b", 3.0)
    assert counters.next(["a", "b", "c"]) == ["c", "b", "a"]
    assert counters.first(["a", "b", "c"]) == "c"


def test_a_weight_of_two_makes_what_is_served_half() -> None:
    counters = VirtualCounters({"a": 2.0, "default": 0.5})
    counters.served("a", 4.0)
    counters.served("b", 4.0)
    assert (counters.of("a"), counters.of("b")) == (2.0, 8.0)


def test_who_comes_back_has_saved_nothing_up() -> None:
    counters = VirtualCounters({})
    counters.served("a", 100.0)
    counters.came("b", ["a"])
    assert counters.of("b") == 100.0


def test_who_comes_back_has_its_credit_and_who_is_new_has_none() -> None:
    counters = VirtualCounters({}, credit=30.0)
    counters.served("a", 100.0)
    counters.served("b", 20.0)
    counters.came("b", ["a"])
    counters.came("c", ["a"])
    assert (counters.of("b"), counters.of("c")) == (70.0, 100.0)
    counters.came("a", ["b"])
    assert counters.of("a") == 100.0


def test_credit_is_computing_whatever_the_weights() -> None:
    counters = VirtualCounters({"a": 10.0, "b": 10.0}, credit=30.0)
    counters.served("a", 100.0)
    counters.served("b", 20.0)
    counters.came("b", ["a"])
    assert counters.of("b") == 10.0 - 3.0


def test_it_is_known_whether_there_are_several() -> None:
    counters = VirtualCounters({})
    counters.came("", [])
    assert not counters.several
    counters.came("a", [""])
    assert counters.several


def test_no_more_tenants_are_remembered_than_may() -> None:
    counters = VirtualCounters({})
    for number in range(MOST_TENANTS + 5):
        counters.came(str(number), [])
    assert len(counters.next(map(str, range(MOST_TENANTS + 5)))) == MOST_TENANTS + 5
    assert counters.of("0") == 0.0


@given(st.lists(st.floats(0.1, 50.0), min_size=20, max_size=200), st.floats(0.25, 4.0))
def test_tenants_that_always_wait_never_differ_by_more_than_the_largest_piece(
    costs: list[float], weight: float
) -> None:
    counters = VirtualCounters({"a": weight})
    for cost in costs:
        counters.served(counters.next(["a", "b"])[0], cost)
    assert abs(counters.of("a") - counters.of("b")) <= max(costs) / min(1.0, weight)
