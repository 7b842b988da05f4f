"""How long a simulated run takes: what was measured of a model, and by how much that varied. No policy, no clock."""

from copy import copy
from typing import Any

from headrace.batching.latency import Latency
from headrace.simulate.run_spread import Spread


class RunTimes:
    """The truth of a simulation: a model's times as they were when they were kept. Nothing is learnt here."""

    def __init__(self, kept: Any, seed: int, speed: float = 1.0) -> None:
        """`kept` is what `Latency.to_json` gave; `speed`: of another machine, 2 is twice as quick. Raises ValueError,
        TypeError or KeyError where it is none."""
        self._latency = Latency.from_json(kept)
        if not self._latency.known:
            raise ValueError("no run was measured")
        self._typical: dict[tuple[int, int], float] = {}
        self._speed = speed
        self._spread = Spread.of(kept["margin"])
        self._draws = self._spread.draws(seed)

    def of_another(self, *seed: int) -> "RunTimes":
        """Of a machine that is alike, with its own luck."""
        other = copy(self)
        other._draws = self._spread.draws(*seed)
        return other

    def typical_ns(self, rows: int, length: int) -> float:
        """What half of such runs exceed."""
        found = self._typical.get((rows, length))
        if found is None:
            found = self._typical[rows, length] = self._latency.typical(rows, length) / self._speed
        return found

    def take_ns(self, rows: int, length: int) -> int:
        """Of one run."""
        typical_ns = self.typical_ns(rows, length)
        return max(1, int(typical_ns * self._draws.ratio(typical_ns * self._speed)))
