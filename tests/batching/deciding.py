"""A deadline policy whose model's times are known, and what it decides."""

from headrace.batching.company import Company
from headrace.batching.deadline_policy import DeadlinePolicy
from headrace.batching.job import Job
from headrace.batching.latency import Latency
from headrace.batching.policy import Limits, Run
from tests.batching.jobs import MS, job


def latency() -> Latency:
    """2 ms a run and 1 ms a row; ten tokens count as a row more."""
    known = Latency()
    for rows in (1, 2, 4, 8, 16):
        for length in (0, 10, 20, 40, 80):
            for _ in range(5):
                known.learn(rows, length, (2 + rows * (1 + length / 10)) * MS)
    return known


def policy(
    *waiting: Job, known: Latency | None = None, max_size: int = 16, weights: dict[str, float] | None = None
) -> DeadlinePolicy[Job]:
    made: DeadlinePolicy[Job] = DeadlinePolicy(
        Limits(max_size, 0, 1000, 1 << 20), latency() if known is None else known, Company(), weights
    )
    for each in waiting:
        assert made.admit(each, each.queued_ns) is None
        made.push(each, each.queued_ns)
    return made


def run(made: DeadlinePolicy[Job], now_ms: float = 0.0, running: int = 0) -> Run[Job]:
    decision = made.next(int(now_ms * MS), running)
    assert isinstance(decision, Run)
    return decision


def ran_together(made: DeadlinePolicy[Job], now_ms: float, took_ms: float) -> None:
    """Two requests without a deadline, in one run that takes so long."""
    for _ in range(2):
        made.push(job(now_ms=now_ms), int(now_ms * MS))
    taken = run(made, now_ms)
    began_ns, ended_ns = int(now_ms * MS), int((now_ms + took_ms) * MS)
    made.began(taken, began_ns)
    made.ended(taken, ended_ns)
    made.answered(taken, began_ns, ended_ns, ended_ns)
