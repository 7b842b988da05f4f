"""Slow is what took far longer than usual, or than a limit."""

from collections.abc import Sequence

from headrace.alike import lot_of
from headrace.observe.slow import ANEW, LEAST, Slow
from headrace.records import RequestRecord
from tests.observe.make import MS, answered, failed


def which(slow: Slow, requests: Sequence[RequestRecord]) -> list[bool]:
    """Of each request whether it was slow."""
    found = slow.which(lot_of(requests).alike)
    return [id(request) in found for request in requests]


def test_nothing_is_slow_before_it_is_known_what_is_usual() -> None:
    assert not any(which(Slow(), [answered(took_ns=1000 * MS)] * LEAST))


def test_what_takes_more_than_twice_the_usual_is_slow() -> None:
    slow = Slow()
    which(slow, [answered(took_ns=10 * MS)] * LEAST)
    assert which(slow, [answered(took_ns=took_ms * MS) for took_ms in (10, 20, 21)]) == [False, False, True]


def test_less_than_a_millisecond_more_is_never_slow() -> None:
    slow = Slow()
    which(slow, [answered(took_ns=100_000)] * LEAST)
    assert which(slow, [answered(took_ns=1_000_000), answered(took_ns=1_200_000)]) == [False, True]


def test_each_version_has_its_own_usual() -> None:
    slow = Slow()
    which(slow, [answered("a", took_ns=MS)] * LEAST + [answered("b", took_ns=100 * MS)] * LEAST)
    assert which(slow, [answered("a", took_ns=50 * MS), answered("b", took_ns=50 * MS)]) == [True, False]


def test_what_has_become_usual_is_no_longer_slow() -> None:
    slow = Slow()
    which(slow, [answered(took_ns=MS)] * LEAST)
    told = [which(slow, [answered(took_ns=50 * MS)] * ANEW) for _ in range(2)]
    assert (all(told[0]), any(told[1])) == (True, False)


def test_a_limit_holds_for_all_from_the_first() -> None:
    assert which(Slow(5), [answered(took_ns=4 * MS), answered(took_ns=6 * MS)]) == [False, True]


def test_one_that_failed_is_not_slow_and_invented_models_leave_nothing_behind() -> None:
    slow = Slow()
    assert not any(which(slow, [failed("model_not_found", f"m{i}", None) for i in range(1000)]))
    assert not slow._usual
