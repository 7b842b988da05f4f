"""Whether one version answers more slowly than another, by the times of both. Pure.

Times are compared at the median, the 90th and the 99th percentile, for what is slow throughout is slow at the 99th
too and shows sooner at the median. At each a version is too slow where two things hold: its percentile is more than
`ratio` times the other's, and chance is ruled out by an exact test of medians and of higher quantiles (Mood 1950): of
all times, the new version's divided by the square root of `ratio`, more of its own lie above the common percentile
than Fisher's exact test allows. Times of one distribution, or slower by less than that root, pass; what is asked of
them is their order alone, so that no outlier weighs more than one answer.

It is looked at again as the number of times grows (`evidence.Looks`).
"""

from collections import deque
from collections.abc import Sequence

import msgspec
import numpy as np

from headrace.traffic.evidence import Looks, fisher_p

QUANTILES = (0.5, 0.9, 0.99)
FEWEST = 8
"""Times of each version before the first look."""

KEPT = 4096
"""Times of each version that are looked at, the latest."""

LEAST_NS = 500_000
"""Differences below are the machine's, whatever their ratio."""


class Slower(msgspec.Struct, frozen=True):
    """At which quantile a version is slower, and by how much."""

    quantile: float
    ns: float
    other_ns: float
    counts: tuple[int, int]  # times of the version, and of the other

    def __str__(self) -> str:
        name = "median" if self.quantile == 0.5 else f"p{self.quantile * 100:g}"
        return (
            f"{name} {self.ns / 1e6:.1f} ms is {self.ns / self.other_ns:.2f} times {self.other_ns / 1e6:.1f} ms "
            f"({self.counts[0]} and {self.counts[1]} answers)"
        )


class Times:
    """Times of two versions that were asked alike."""

    def __init__(self, other: deque[int]) -> None:
        """`other` are the times of the version to compare with; its owner adds to them."""
        self.own: deque[int] = deque(maxlen=KEPT)
        self.other = other
        self._count = 0  # of own times in all
        self._looks = Looks(FEWEST)

    def add(self, ns: int) -> None:
        self.own.append(ns)
        self._count += 1

    def look(self, ratio: float, alpha: float) -> Slower | None:
        """Whether it is too slow, as far as it is time to look; over all looks by chance with at most `alpha`."""
        if len(self.other) < FEWEST:
            return None
        spent = self._looks.alpha(self._count, alpha)
        return slower(self.own, self.other, ratio, spent) if spent else None


def slower(own: Sequence[int], other: Sequence[int], ratio: float, alpha: float) -> Slower | None:
    """The first quantile at which times are too long; where the two are alike, one is found with at most `alpha`."""
    mine, others = np.asarray(own, float), np.asarray(other, float)
    scaled = mine / np.sqrt(ratio)
    pooled = np.concatenate((scaled, others))
    for quantile in QUANTILES:
        at, other_at = float(np.quantile(mine, quantile)), float(np.quantile(others, quantile))
        if at <= ratio * other_at or at - other_at <= LEAST_NS:
            continue
        above = np.quantile(pooled, quantile)
        counts = int((scaled > above).sum()), int((others > above).sum())
        if fisher_p(counts[0], len(mine), counts[1], len(others)) <= alpha / len(QUANTILES):
            return Slower(quantile, at, other_at, (len(mine), len(others)))
    return None
