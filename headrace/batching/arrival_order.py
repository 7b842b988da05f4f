"""What policies without predictions share: one queue in order of arrival, from which what is too late is dropped."""

from collections.abc import Sequence
from typing import Generic

import msgspec

from headrace.batching.job import J, Job
from headrace.batching.policy import GivenUp, Limits, Reason, Refusal, Run
from headrace.batching.queue import Queue
from headrace.batching.queue_room import queue_refusal

RETRY_AFTER_NS = 1e9


class ArrivalOrder(Generic[J]):
    """Owns the queue. When a batch is closed is for the policy to say that builds on it."""

    def __init__(self, limits: Limits) -> None:
        self.queue: Queue[J] = Queue()
        self._limits = limits

    def admit(self, job: J, now_ns: int) -> Refusal | None:
        return queue_refusal(self.queue, job, self._limits, RETRY_AFTER_NS)

    def push(self, job: J, now_ns: int) -> None:
        job.level = 0
        self.queue.push(job, job.queued_ns)

    def gives_up_ns(self) -> int | None:
        first = self.queue.first_due()
        return None if first is None else first.due_ns

    def give_up(self, now_ns: int) -> Sequence[GivenUp[J]]:
        given_up: list[GivenUp[J]] = []
        while (job := self.queue.first_due()) is not None and job.due_ns <= now_ns:
            self.queue.remove(job)
            given_up.append(GivenUp(job, "late", now_ns - job.arrived_ns))
        return given_up

    def foresee(self, job: Job, now_ns: int) -> Refusal | None:
        return None

    def began(self, run: Run[J], now_ns: int) -> None:
        """Nothing is predicted here."""

    def ended(self, run: Run[J], now_ns: int) -> None:
        """Nothing is predicted here."""

    def resize(self, max_size: int) -> None:
        self._limits = msgspec.structs.replace(self._limits, max_size=max_size)

    def answered(self, run: Run[J], began_ns: int, ended_ns: int, now_ns: int) -> None:
        """Nothing is learnt here."""

    def _close(self, most_rows: int) -> Run[J]:
        """The oldest, and those after it that fit."""
        jobs: list[J] = []
        rows = 0
        for job in self.queue:
            if jobs and (rows + job.rows > most_rows or job.key != jobs[0].key):
                break
            jobs.append(job)
            rows += job.rows
        for job in jobs:
            self.queue.remove(job)
        reason: Reason = "full" if self.queue else "idle"
        return Run(jobs, reason, rows, max([job.length for job in jobs]))
