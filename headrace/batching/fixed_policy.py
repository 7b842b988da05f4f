"""The policy that others have: a batch of equal shapes, in order of arrival, closed by size or by a fixed delay. Pure.

With no delay and one row a run it is "none". Deadlines are kept in so far as what has missed its own is not run.
"""

from collections.abc import Sequence
from typing import Generic

import msgspec

from headrace.batching.job import J
from headrace.batching.lane_order import Head
from headrace.batching.policy import (
    MOST_AT_INSTANCE,
    GivenUp,
    Limits,
    Reason,
    Refusal,
    Run,
    Wait,
    queue_refusal,
)
from headrace.batching.queue import Queue

RETRY_AFTER_NS = 1e9


class FixedPolicy(Generic[J]):
    """Owns the queue of one model version. A padded length is part of the shape here: nothing is padded."""

    def __init__(self, limits: Limits) -> None:
        self.queue: Queue[J] = Queue()
        self._limits = limits

    def admit(self, job: J, now_ns: int) -> Refusal | None:
        return queue_refusal(self.queue, job, self._limits, RETRY_AFTER_NS)

    def push(self, job: J, now_ns: int) -> None:
        if job.length:
            job.key = (*job.key, job.length)
        job.level = 0
        self.queue.push(job, job.queued_ns)

    def give_up(self, now_ns: int) -> Sequence[GivenUp[J]]:
        given_up: list[GivenUp[J]] = []
        while (job := self.queue.first_due()) is not None and job.due_ns <= now_ns:
            self.queue.remove(job)
            given_up.append(GivenUp(job, "late", now_ns - job.arrived_ns))
        return given_up

    def next(self, now_ns: int, running: int) -> Run[J] | Wait:
        """A full batch may wait at an instance behind one that runs, so that it goes on without a pause; one that is
        not full stays open and grows, for a larger batch is cheaper and nothing is lost by it."""
        limits = self._limits
        first = self.queue.oldest()
        rows = sum(self.queue.groups[first.key].rows.values())
        full = rows >= limits.max_size
        if running >= (MOST_AT_INSTANCE if full else 1):
            return Wait(None)
        closes_ns = first.queued_ns + limits.max_delay_ns
        if not full and now_ns < closes_ns:
            return Wait(closes_ns)
        jobs = self._taken(first)
        others = bool(self.queue)
        reason: Reason = "full" if full else "deadline" if limits.max_delay_ns else "shape" if others else "idle"
        return Run(jobs, reason, sum([job.rows for job in jobs]), first.length)

    def head(self, now_ns: int) -> Head:
        """The first that came; the queue is not empty."""
        return Head(0, self.queue.oldest().queued_ns, foreseen=False)

    def began(self, run: Run[J], now_ns: int) -> None:
        """Nothing is predicted here."""

    def ended(self, run: Run[J], began_ns: int, now_ns: int, *, learn: bool) -> None:
        """Nothing is learnt here."""

    def resize(self, max_size: int) -> None:
        self._limits = msgspec.structs.replace(self._limits, max_size=max_size)

    def answered(self, run: Run[J], now_ns: int) -> None:
        """Nothing is promised here."""

    def _taken(self, first: J) -> list[J]:
        """The first and those that may share its run, in order of arrival, while they fit."""
        taken: list[J] = []
        rows, most = 0, self._limits.max_size
        lines = self.queue.groups[first.key].lines.values()
        waiting = sorted([entry for classes in lines for entries in classes.values() for entry in entries[:most]])
        for _, job in waiting[:most]:
            if taken and rows + job.rows > most:
                break
            rows += job.rows
            taken.append(job)
        for each in taken:
            self.queue.remove(each)
        return taken
