"""What a request takes of a machine that is busy: its rows' part of a large run. Knows no queue."""

from headrace.batching.latency import Latency
from headrace.batching.length_class import class_of, longest_of

MANY = 16  # rows of the run that is looked at
LOOKED_UP_FOR = 256  # requests, until it is looked up anew
UNUSED = 8  # times that it is, without a run between: what it took in a slow moment it need not take now


class RowCost:
    """Of one model, by the rows' length; what was looked up is kept for a while."""

    def __init__(self, latency: Latency, max_size: int = MANY, lanes: int = 1) -> None:
        """`lanes` runs go on side by side, of at most `max_size` rows."""
        self._latency = latency
        self._rows = min(max_size, MANY)
        self._lanes = lanes
        self._of_class: dict[int, float] = {}
        self._asked = 0
        self._unused = 0
        self._runs = latency.runs  # when it was last looked up

    def __call__(self, rows: int, length: int) -> float:
        """Nanoseconds; 0 as long as nothing is known."""
        if not self._latency.known:
            return 0.0
        self._asked += 1
        if self._asked > LOOKED_UP_FOR:
            self._look_up_anew()
        length_class = class_of(length)
        cost = self._of_class.get(length_class)
        if cost is None:
            longest = longest_of(length_class)
            cost = self._latency.typical(self._rows, longest) / (self._rows * self._lanes)
            self._of_class[length_class] = cost
        return cost * rows

    def _look_up_anew(self) -> None:
        """Of a variant that is not preferred nothing runs: what was learned of it in a slow moment would keep it so."""
        self._of_class.clear()
        self._asked = 0
        self._unused = self._unused + 1 if self._latency.runs == self._runs else 0
        self._runs = self._latency.runs
        if self._unused >= UNUSED:
            self._latency.rest()
