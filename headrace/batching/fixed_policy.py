"""The policy that others have: a batch of equal shapes, in order of arrival, closed by size or by a fixed delay. Pure.

With no delay and one row a run it is "none". Deadlines are kept in so far as what has missed its own is not run.
"""

from headrace.batching.arrival_order import ArrivalOrder
from headrace.batching.job import J
from headrace.batching.lane_order import Head
from headrace.batching.policy import MOST_AT_INSTANCE, Reason, Run, Wait


class FixedPolicy(ArrivalOrder[J]):
    """Owns the queue of one model version. A padded length is part of the shape here: nothing is padded."""

    def push(self, job: J, now_ns: int) -> None:
        if job.length:
            job.key = (*job.key, job.length)
        super().push(job, now_ns)

    def next(self, now_ns: int, running: int) -> Run[J] | Wait:
        """A full batch may wait at an instance behind one that runs, so that it goes on without a pause; one that is
        not full stays open and grows, for a larger batch is cheaper and nothing is lost by it."""
        limits = self._limits
        first = self.queue.oldest()
        rows = self.queue.groups[first.key].total_rows
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

    def _taken(self, first: J) -> list[J]:
        """The first and those that may share its run, in order of arrival, while they fit."""
        taken: list[J] = []
        rows, most = 0, self._limits.max_size
        bins = self.queue.groups[first.key].bins.values()
        waiting = sorted([entry for each in bins for entries in each.entries.values() for entry in entries[:most]])
        for *_, job in waiting[:most]:
            if taken and rows + job.rows > most:
                break
            rows += job.rows
            taken.append(job)
        for each in taken:
            self.queue.remove(each)
        return taken
