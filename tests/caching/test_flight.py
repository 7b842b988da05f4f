"""Who of equal requests is computed, and who may wait for that."""

import msgspec

from headrace.caching.flight import Flight, Waiter
from headrace.types import Request
from tests.fakes import Got, request


def waiter(priority: int = 0, due_ns: int | None = None) -> Waiter:
    asked: Request = request([[1, 2]])
    context = msgspec.structs.replace(asked.context, priority=priority)
    return Waiter(msgspec.structs.replace(asked, context=context), Got(), 0, due_ns)


def flight(*computing: Waiter) -> Flight:
    made = Flight(b"key")
    made.computing.update(dict.fromkeys(computing))
    return made


def test_one_that_is_as_urgent_as_what_is_computed_waits_for_it() -> None:
    assert not flight(waiter(due_ns=5)).outruns(waiter(due_ns=5))
    assert not flight(waiter(priority=5)).outruns(waiter())


def test_one_that_is_due_earlier_or_of_a_higher_level_does_not() -> None:
    assert flight(waiter(due_ns=5)).outruns(waiter(due_ns=4))
    assert flight(waiter()).outruns(waiter(due_ns=4))
    assert flight(waiter(due_ns=5)).outruns(waiter(priority=1))


def test_the_most_urgent_is_the_next_to_be_computed_and_the_first_among_equals() -> None:
    made, first, second, third = flight(), waiter(), waiter(due_ns=7), waiter(due_ns=7)
    made.waiting.update(dict.fromkeys((first, second, third)))
    assert made.most_urgent() is second


def test_a_waiter_counts_the_bytes_of_its_inputs() -> None:
    assert waiter().num_bytes == 8
