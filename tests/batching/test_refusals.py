"""What callers are told who are not answered."""

from headrace.batching.policy import GivenUp, Refusal
from headrace.batching.queue import Queue
from headrace.batching.refusals import dropped, passed, refused
from headrace.errors import DeadlineExceeded, QueueFull, WouldBeLate
from headrace.types import ModelVersion
from tests.batching.jobs import MS, job

M = ModelVersion("m", 1)


def test_a_full_queue_names_its_limit() -> None:
    error = refused(M, Queue(), Refusal("queue", 1.5e9))
    assert isinstance(error, QueueFull)
    assert (str(error), error.retry_after_s) == ("0 requests wait for m/1, the limit", 1.5)


def test_a_predicted_miss_says_both_times() -> None:
    error = refused(M, Queue(), Refusal("predicted", 0.0, 90 * MS, 50 * MS))
    assert isinstance(error, WouldBeLate)
    assert (error.predicted_ms, error.deadline_ms, error.retry_after_s) == (90.0, 50.0, 0.001)


def test_what_would_be_late_even_alone_says_so_and_no_time_to_ask_again() -> None:
    error = refused(M, Queue(), Refusal("predicted", None, 1.1 * MS, 0.4 * MS))
    assert isinstance(error, WouldBeLate)
    assert str(error) == "m/1 would answer 1.1 ms after arrival, and has 0.4 ms, even alone"
    assert error.retry_after_s is None


def test_what_is_given_up_says_how_long_it_waited_and_why() -> None:
    late = dropped(GivenUp(job(within_ms=50), "late", 70 * MS), 40 * MS)
    assert isinstance(late, DeadlineExceeded)
    assert str(late) == "waited 40.0 ms; its answer would come 70.0 ms after arrival, its deadline is 50.0 ms"
    over = dropped(GivenUp(job(within_ms=50), "late", 50 * MS), int(50.2 * MS))
    assert isinstance(over, DeadlineExceeded)
    assert str(over) == "waited 50.2 ms, as long as its deadline allows: 50.0 ms"
    assert over.predicted_ms == 50.2
    crowded = dropped(GivenUp(job(within_ms=50), "overload", 45 * MS), 40 * MS)
    assert str(crowded).endswith("it was dropped so that those behind it are in time")


def test_what_comes_too_late_says_what_it_had() -> None:
    error = passed(job(within_ms=0))
    assert isinstance(error, DeadlineExceeded)
    assert error.deadline_ms == 0.0
