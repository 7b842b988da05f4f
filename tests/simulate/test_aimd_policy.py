"""Clipper's policy: sizes grow while the objective is kept."""

from headrace.batching.job import Job
from headrace.batching.policy import Run, Wait
from headrace.simulate.aimd_policy import AimdPolicy
from headrace.simulate.scenario import LIMITS
from tests.batching.jobs import MS, job


def test_a_batch_in_time_lets_the_next_be_larger_and_one_that_is_late_cuts_it() -> None:
    policy: AimdPolicy[Job] = AimdPolicy(LIMITS, 50 * MS)
    sizes = []
    for took_ms in (1, 1, 1, 60):
        for _ in range(8):
            policy.push(job(), 0)
        run = policy.next(0, 0)
        assert isinstance(run, Run)
        sizes.append(run.rows)
        policy.answered(run, 0, took_ms * MS, took_ms * MS)
    assert sizes == [1, 2, 3, 4]
    assert policy.size == 3.6


def test_lengths_are_padded_to_the_longest_of_a_batch() -> None:
    policy: AimdPolicy[Job] = AimdPolicy(LIMITS, 50 * MS)
    policy.size = 8.0
    for length in (8, 64):
        policy.push(job(length), 0)
    run = policy.next(0, 0)
    assert isinstance(run, Run)
    assert (run.rows, run.length, run.reason) == (2, 64, "idle")


def test_a_busy_instance_gets_nothing_more() -> None:
    policy: AimdPolicy[Job] = AimdPolicy(LIMITS, 50 * MS)
    policy.push(job(), 0)
    assert policy.next(0, 1) == Wait(None)
