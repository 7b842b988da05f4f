"""Bursts are forgiven, floods are not."""

from headrace.protocols.http2.budget import Budget


def test_a_burst_is_forgiven_and_what_follows_is_not() -> None:
    budget = Budget(3, 1.0, lambda: 0.0)
    assert [budget.take() for _ in range(5)] == [True, True, True, False, False]


def test_time_gives_back_up_to_the_most() -> None:
    now = [0.0]
    budget = Budget(3, 1.0, lambda: now[0])
    assert [budget.take() for _ in range(3)] == [True] * 3
    now[0] = 2.0
    assert [budget.take() for _ in range(3)] == [True, True, False]
    now[0] = 1000.0
    assert [budget.take() for _ in range(4)] == [True, True, True, False]


def test_it_begins_with_less_than_it_may_come_to_hold() -> None:
    budget = Budget(3, 0.0, lambda: 0.0, first=1)
    assert [budget.take(), budget.take()] == [True, False]
    for _ in range(9):
        budget.give()
    assert [budget.take() for _ in range(4)] == [True, True, True, False]


def test_useful_work_gives_back() -> None:
    budget = Budget(1, 0.0, lambda: 0.0)
    for _ in range(1000):
        assert budget.take()
        budget.give()
