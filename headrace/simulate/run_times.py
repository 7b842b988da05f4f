"""How long a simulated run takes: what was measured of a model, and by how much that varied. No policy, no clock."""

from collections.abc import Iterator, Sequence
from copy import copy
from typing import Any

import numpy as np

from headrace.batching.latency import Latency

BLOCKS = 8  # that the ratios are cut to, at least: what was measured in a row stays so, for a machine's slow moments
LEAST, MOST = 8, 256  # last longer than a run, and are known after some
DRAWN = 4096  # ratios at a time
FEW = 20  # ratios, below which they say nothing of the spread


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
        measured = [float(each) for each in kept["margin"]["ratios"]]
        self._measured = measured if len(measured) >= FEW else [1.0]
        self._ratios = blocks(self._measured, seed)

    def of_another(self, seed: int) -> "RunTimes":
        """Of a machine that is alike, with its own luck."""
        other = copy(self)
        other._ratios = blocks(self._measured, seed)
        return other

    def typical_ns(self, rows: int, length: int) -> float:
        """What half of such runs exceed."""
        found = self._typical.get((rows, length))
        if found is None:
            found = self._typical[rows, length] = self._latency.typical(rows, length) / self._speed
        return found

    def take_ns(self, rows: int, length: int) -> int:
        """Of one run."""
        return max(1, int(self.typical_ns(rows, length) * next(self._ratios)))


def blocks(ratios: Sequence[float], seed: int) -> Iterator[float]:
    """These for ever, in blocks that are drawn by lot; their median is brought to 1, which is a typical run."""
    array = np.asarray(ratios) / np.median(ratios)
    random = np.random.default_rng([seed, 2])
    within = np.arange(min(max(len(array) // BLOCKS, LEAST), MOST))
    while True:
        starts = random.integers(0, len(array), DRAWN // len(within))
        yield from array[(starts[:, None] + within) % len(array)].ravel().tolist()
