"""Requests that wait are told once as overdue, and those that got something never."""

from headrace.traffic.waiting import Waiting


def test_what_was_asked_too_long_ago_is_told_once() -> None:
    waiting: Waiting[str] = Waiting()
    for request, asked_ns in (("a", 10), ("b", 20), ("c", 30)):
        waiting.asked(request, asked_ns)
    assert waiting.overdue(10) == []
    assert waiting.overdue(25) == ["a", "b"]
    assert waiting.overdue(25) == []
    assert waiting.overdue(31) == ["c"]


def test_what_came_is_not_overdue_and_what_was_overdue_does_not_come_in_time() -> None:
    waiting: Waiting[str] = Waiting()
    first, second = waiting.asked("a", 10), waiting.asked("b", 10)
    assert waiting.came(first)
    assert waiting.overdue(20) == ["b"]
    assert not waiting.came(second)
