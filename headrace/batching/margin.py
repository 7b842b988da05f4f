"""What a run exceeds once in a hundred, as a multiple of what it typically takes. Pure.

The exact quantile of recent runs, times a factor that is raised at each miss and lowered a little at each hit, so that
misses come as often as they may whatever the distribution (adaptive conformal inference).
"""

from bisect import bisect_left, insort
from collections import deque
from math import ceil, exp, inf
from typing import Any

QUANTILE = 0.99
KEPT = 256  # ratios
ENOUGH = 100  # ratios, for a quantile of their own
FEW = 20  # below, the two largest say little
PRIOR = 1.5
STEP = 0.02
LEAST, MOST = 0.8, 3.0  # of the factor: below 1, for the quantile is that of a finite sample and errs upwards
LARGEST = 100.0  # ratio


class Margin:
    """Owned by one Latency."""

    def __init__(self) -> None:
        self._ratios: deque[float] = deque()
        self._sorted: list[float] = []
        self._factor = 1.0
        self.times = PRIOR
        """How many times the typical run a late one takes."""

    def learn(self, ratio: float) -> None:
        """One finished run, over what was predicted of it."""
        ratio = min(ratio, LARGEST)
        missed = ratio > self.times
        self._factor *= exp(STEP * (QUANTILE if missed else QUANTILE - 1))
        self._factor = min(max(self._factor, LEAST), MOST)
        self._keep(ratio)
        self._update()

    def to_json(self) -> dict[str, Any]:
        return {"factor": round(self._factor, 4), "ratios": [round(ratio, 3) for ratio in self._ratios]}

    @classmethod
    def from_json(cls, kept: Any) -> "Margin":
        """Raises ValueError, TypeError or KeyError where it is none."""
        margin = cls()
        margin._factor = float(kept["factor"])
        if not LEAST <= margin._factor <= MOST:
            raise ValueError(f"no factor: {margin._factor}")
        for ratio in kept["ratios"][-KEPT:]:
            if not 0 <= ratio <= LARGEST:
                raise ValueError(f"no ratio: {ratio}")
            margin._keep(float(ratio))
        margin._update()
        return margin

    def _keep(self, ratio: float) -> None:
        self._ratios.append(ratio)
        insort(self._sorted, ratio)
        if len(self._ratios) > KEPT:
            del self._sorted[bisect_left(self._sorted, self._ratios.popleft())]

    def _update(self) -> None:
        self.times = max(1.0, quantile(self._sorted) * self._factor)


def quantile(ratios: list[float]) -> float:
    """Of sorted ratios, what the next exceeds once in a hundred; with few of them no less than the prior."""
    count = len(ratios)
    if count >= ENOUGH:
        return ratios[min(ceil(QUANTILE * (count + 1)), count) - 1]
    return max(PRIOR, ratios[-2] if count >= FEW else -inf)
