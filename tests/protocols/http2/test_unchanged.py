"""Since when something has been as it is."""

from headrace.protocols.http2.unchanged import Unchanged


def test_a_state_is_as_old_as_its_first_look() -> None:
    unchanged = Unchanged()
    assert [unchanged.since("a", now) for now in (1.0, 4.0, 9.0)] == [1.0, 1.0, 1.0]


def test_another_state_is_new_and_so_is_one_that_comes_back() -> None:
    unchanged = Unchanged()
    assert [unchanged.since(state, now) for state, now in (("a", 1.0), ("b", 2.0), ("a", 3.0))] == [1.0, 2.0, 3.0]


def test_where_there_is_none_nothing_is_remembered() -> None:
    unchanged = Unchanged()
    assert [unchanged.since(state, now) for state, now in (("a", 1.0), (None, 2.0), ("a", 3.0))] == [1.0, None, 3.0]
