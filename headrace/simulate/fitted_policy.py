"""BentoML's policy, to compare with: what a run takes is fitted as a line of its rows, and more is waited for while
that costs less than what waiting has cost of late. Pure.

As its CorkDispatcher does it: the line and the mean wait are of the last 50 runs, fitted every five seconds; the queue
is looked at every millisecond. Of a queue that would make the oldest late the oldest is dropped. The newest are taken
first. Its training, a few runs at the start, is left out.
"""

from collections import deque
from collections.abc import Sequence

import numpy as np

from headrace.batching.arrival_order import ArrivalOrder
from headrace.batching.job import J
from headrace.batching.policy import GivenUp, Limits, Run, Wait

KEPT = 50  # runs
REFRESH_NS = 5_000_000_000
TICK_NS = 1_000_000
DECAY = 0.95  # of the wait
FIRST_WAIT_NS = 10_000_000.0


class FittedPolicy(ArrivalOrder[J]):
    """Owns the queue of one model version, and its line: so much a row, so much a run."""

    def __init__(self, limits: Limits, objective_ns: int) -> None:
        super().__init__(limits)
        self.row_ns = objective_ns / 15
        self.run_ns = objective_ns / 30
        self.wait_ns = FIRST_WAIT_NS
        self._objective_ns = objective_ns
        self._runs: deque[tuple[int, float, float]] = deque(maxlen=KEPT)  # rows, duration, wait of the oldest
        self._refresh_ns = 0

    def give_up(self, now_ns: int) -> Sequence[GivenUp[J]]:
        given_up: list[GivenUp[J]] = []
        queue = self.queue
        while queue:
            oldest, count = queue.oldest(), len(queue)
            waited = now_ns - oldest.queued_ns
            latency = waited + self.row_ns * count + self.run_ns
            if latency < self._objective_ns or (count == 1 and waited < self._objective_ns):
                break
            queue.remove(oldest)
            given_up.append(GivenUp(oldest, "late", latency))
        return given_up

    def next(self, now_ns: int, running: int) -> Run[J] | Wait:
        if running:
            return Wait(now_ns + TICK_NS)
        count = len(self.queue)
        newest_ns = max([job.queued_ns for job in self.queue]) if count < self._limits.max_size else now_ns
        more = count * (now_ns - newest_ns + TICK_NS + self.row_ns) <= self.wait_ns * DECAY
        if count < self._limits.max_size and more:
            return Wait(now_ns + TICK_NS)
        return self._newest()

    def answered(self, run: Run[J], began_ns: int, ended_ns: int, now_ns: int) -> None:
        self._runs.append((run.rows, float(ended_ns - began_ns), float(began_ns - run.jobs[-1].queued_ns)))
        if now_ns >= self._refresh_ns:
            self._refresh_ns = now_ns + REFRESH_NS
            self._fit()

    def _fit(self) -> None:
        rows, took, waited = (np.array(each, dtype=np.float64) for each in zip(*self._runs, strict=True))
        (a, b), *_ = np.linalg.lstsq(np.stack([rows, np.ones_like(rows)], axis=1), took, rcond=None)
        self.row_ns, self.run_ns = max(1e3, float(a)), max(0.0, float(b))
        self.wait_ns = max(0.0, float(waited.mean()))

    def _newest(self) -> Run[J]:
        jobs: list[J] = []
        rows = 0
        for job in reversed(list(self.queue)):
            if jobs and (rows + job.rows > self._limits.max_size or job.key != jobs[0].key):
                break
            jobs.append(job)
            rows += job.rows
        for job in jobs:
            self.queue.remove(job)
        return Run(jobs, "full" if self.queue else "idle", rows, max([job.length for job in jobs]))
