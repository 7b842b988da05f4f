"""Batches of equal shapes, closed by size or by a fixed delay."""

import pytest

from headrace.batching.fixed_policy import FixedPolicy
from headrace.batching.job import Job
from headrace.batching.policy import Limits, Run, Wait
from tests.batching.jobs import MS, job


def policy(max_size: int = 4, delay_ms: int = 0, *waiting: Job) -> FixedPolicy[Job]:
    made: FixedPolicy[Job] = FixedPolicy(Limits(max_size, delay_ms * MS, 10, 1000))
    for each in waiting:
        made.push(each, each.queued_ns)
    return made


@pytest.mark.parametrize(
    ("rows", "now_ms", "running", "delay_ms", "expected"),
    [
        (1, 0, 1, 0, Wait(None)),  # nothing is idle: growing costs nothing
        (1, 0, 0, 0, "idle"),
        (4, 0, 0, 0, "full"),
        (4, 0, 1, 0, "full"),  # it cannot grow: it may as well be there
        (4, 0, 2, 0, Wait(None)),
        (1, 4, 0, 5, Wait(5 * MS)),
        (1, 5, 0, 5, "deadline"),
        (4, 0, 0, 5, "full"),
    ],
)
def test_a_batch_is_closed_by_size_delay_or_an_idle_instance(
    rows: int, now_ms: int, running: int, delay_ms: int, expected: Wait | str
) -> None:
    decision = policy(4, delay_ms, job(rows=rows)).next(now_ms * MS, running)
    assert (decision.reason if isinstance(decision, Run) else decision) == expected


def test_only_equal_lengths_share_a_run_and_the_oldest_says_which() -> None:
    first, other, third = job(5), job(6), job(5)
    decision = policy(4, 0, first, other, third).next(0, 0)
    assert isinstance(decision, Run)
    assert (decision.jobs, decision.reason) == ([first, third], "shape")


def test_a_batch_stops_before_the_request_that_does_not_fit() -> None:
    first, second, third = job(rows=2), job(rows=3), job(rows=1)
    decision = policy(4, 0, first, second, third).next(0, 0)
    assert isinstance(decision, Run)
    assert decision.jobs == [first]


def test_what_has_missed_its_deadline_is_given_up() -> None:
    late, early = job(within_ms=1), job(within_ms=9)
    made = policy(4, 0, late, early)
    assert [each.job for each in made.give_up(1 * MS)] == [late]
    assert list(made.queue) == [early]


def test_a_queue_that_is_full_refuses() -> None:
    made = policy(4, 0, *[job() for _ in range(10)])
    refusal = made.admit(job(), 0)
    assert refusal
    assert refusal.reason == "queue"
    assert (heavy := policy(4, 0, job(100)).admit(job(50), 0))
    assert heavy.reason == "memory"
