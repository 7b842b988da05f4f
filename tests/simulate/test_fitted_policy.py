"""BentoML's policy: a line of times, and waiting that must pay."""

import pytest

from headrace.batching.job import Job
from headrace.batching.policy import Run, Wait
from headrace.simulate.fitted_policy import FittedPolicy
from headrace.simulate.scenario import LIMITS
from tests.batching.jobs import MS, job


def fitted(objective_ms: int = 50) -> FittedPolicy[Job]:
    return FittedPolicy(LIMITS, objective_ms * MS)


def run(policy: FittedPolicy[Job], now_ns: int = 0) -> Run[Job]:
    decision = policy.next(now_ns, 0)
    assert isinstance(decision, Run)
    return decision


def test_the_line_is_that_of_the_runs() -> None:
    policy = fitted()
    for turn in range(20):
        for _ in range(1 + turn % 4):
            policy.push(job(), 0)
        now_ns = turn * 6_000 * MS
        policy.wait_ns = 0.0
        done = run(policy, now_ns)
        ended_ns = now_ns + (3 + 2 * done.rows) * MS
        policy.answered(done, now_ns, ended_ns, ended_ns)
    assert policy.row_ns == pytest.approx(2 * MS)
    assert policy.run_ns == pytest.approx(3 * MS)


def test_more_is_waited_for_while_that_costs_less_than_waiting_did_of_late() -> None:
    policy = fitted()
    policy.row_ns = 1.0 * MS
    policy.push(job(), 0)
    assert policy.next(0, 0) == Wait(1 * MS)
    policy.wait_ns = 1.0 * MS
    assert run(policy).rows == 1


def test_of_a_queue_that_would_be_late_the_oldest_is_dropped() -> None:
    policy = fitted(50)
    policy.row_ns, policy.run_ns = 10.0 * MS, 0.0
    jobs = [job() for _ in range(6)]
    for each in jobs:
        policy.push(each, 0)
    assert [each.job for each in policy.give_up(0)] == jobs[:2]


def test_the_last_one_is_kept_until_it_has_waited_too_long() -> None:
    policy = fitted(50)
    policy.row_ns = 100.0 * MS
    policy.push(only := job(), 0)
    assert not policy.give_up(40 * MS)
    assert [each.job for each in policy.give_up(60 * MS)] == [only]
