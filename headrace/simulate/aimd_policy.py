"""Clipper's policy, to compare with: the largest batch grows step by step while runs keep the objective. Pure.

Crankshaw et al., Clipper: A Low-Latency Online Prediction Serving System, NSDI 2017, section 4.3: an idle replica takes
what waits, up to a size that is raised by a constant after a run within the objective, and cut by a tenth after one
that was not. What has missed its deadline is dropped.
"""

from headrace.batching.arrival_order import ArrivalOrder
from headrace.batching.job import J
from headrace.batching.policy import Limits, Run, Wait

RAISE = 1.0  # rows
CUT = 0.9


class AimdPolicy(ArrivalOrder[J]):
    """Owns the queue of one model version, and the size that its batches may have."""

    def __init__(self, limits: Limits, objective_ns: int) -> None:
        super().__init__(limits)
        self.size = 1.0
        self._objective_ns = objective_ns

    def next(self, now_ns: int, running: int) -> Run[J] | Wait:
        return Wait(None) if running else self._close(int(self.size))

    def answered(self, run: Run[J], began_ns: int, ended_ns: int, now_ns: int) -> None:
        """Only a run as large as allowed says that more may be."""
        if ended_ns - began_ns > self._objective_ns:
            self.size = max(1.0, self.size * CUT)
        elif run.rows >= int(self.size):
            self.size = min(float(self._limits.max_size), self.size + RAISE)
