"""By how much runs vary: ratios that were measured, drawn by lot in blocks, for runs of about the same length. Pure.

What was measured in a row stays so, for a machine's slow moments last longer than a run. What holds a run up is as long
for a short one as for a long one: so a run gets the ratio of one that took about as long, the next in the block.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCKS = 4  # that the ratios are cut to, at least: where two meet, the machine's mood changes more than it ever did
LEAST, MOST = 8, 1024  # of a block: slow moments are known after some
DRAWN = 1024  # beginnings at a time
FEW = 20  # ratios, below which they say nothing of the spread
NEAR = 1.0  # of the binary logarithm of a time: about the same


class Spread:
    """Ratios in the order in which they were measured, and of which times; their median is brought to 1."""

    def __init__(self, ratios: Sequence[float], typical_ns: Sequence[float] = ()) -> None:
        """Without times they are of runs of any length."""
        if len(ratios) < FEW:
            ratios, typical_ns = [1.0], ()
        self.ratios: list[float] = (np.asarray(ratios) / np.median(ratios)).tolist()
        self.within = min(max(len(ratios) // BLOCKS, LEAST), MOST)
        times = np.asarray(typical_ns, dtype=np.float64)
        known = len(times) == len(ratios) and bool((times > 0).all())
        self._logs: NDArray[np.float64] = np.log2(times) if known else np.zeros(0)
        self._steps: dict[int, list[int]] = {}

    @classmethod
    def of(cls, margin: Any) -> "Spread":
        """Of what a latency's margin is kept as. Raises ValueError, TypeError or KeyError where it is none."""
        ratios = [float(each) for each in margin["ratios"]]
        return cls(ratios, [float(each) * 1e3 for each in margin.get("typical_us", [])])

    def draws(self, *seed: int) -> "Draws":
        """These for ever."""
        return Draws(self, seed)

    def steps(self, typical_ns: float) -> list[int]:
        """From each ratio, how many to pass over to one of a run that took about as long; empty where there is none."""
        magnitude = int(typical_ns).bit_length()
        steps = self._steps.get(magnitude)
        if steps is None:
            steps = self._steps[magnitude] = self._made(magnitude - 0.5)
        return steps

    def _made(self, log: float) -> list[int]:
        near = np.abs(self._logs - log) <= NEAR + 0.5
        if near.all() or not near.any():
            return []
        at = np.flatnonzero(near)
        every = np.arange(len(near))
        following = at[np.searchsorted(at, every) % len(at)]
        steps: list[int] = ((following - every) % len(near)).tolist()
        return steps


class Draws:
    """One machine's luck; owned by its run times."""

    def __init__(self, spread: Spread, seed: Sequence[int]) -> None:
        self._spread = spread
        self._random = np.random.default_rng([*seed, 2])
        self._begins: list[int] = []
        self._at = self._left = 0

    def ratio(self, typical_ns: float) -> float:
        """Of the next run, which typically takes so long."""
        spread = self._spread
        ratios = spread.ratios
        if self._left <= 0:
            if not self._begins:
                self._begins = self._random.integers(0, len(ratios), DRAWN).tolist()
            self._at, self._left = self._begins.pop(), spread.within
        if steps := spread.steps(typical_ns):
            step = steps[self._at]
            self._at = (self._at + step) % len(ratios)
            self._left -= step
        ratio = ratios[self._at]
        self._at = (self._at + 1) % len(ratios)
        self._left -= 1
        return ratio
