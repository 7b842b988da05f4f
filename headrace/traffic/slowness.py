"""Whether one version answers more slowly than another, by the times of both. Pure.

Times are compared at the median, the 90th and the 99th percentile, for what is slow throughout is slow at the 99th
too and shows sooner at the median. At each a version is too slow where two things hold. Its percentile is more than
`ratio` times the other's. And chance is ruled out, of the new version's times divided by the cube root of `ratio` and
the other's: at the median by the rank sum test (Mann and Whitney 1947), further up by Fisher's exact test of how many
of each lie above the common percentile (Mood 1950). Times of one distribution, or slower by less than that root,
pass; it is their order that is looked at, so that no outlier weighs more than one answer.

It is looked at again as the fewer of both times become more (`evidence.Looks`).
"""

from collections import deque
from collections.abc import Sequence
from math import erfc, sqrt

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.traffic.evidence import Looks, fisher_p

QUANTILES = {0.5: 0.5, 0.9: 0.25, 0.99: 0.25}
"""Those that are looked at, and the part of alpha that each may spend."""

Array = NDArray[np.float64]

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

    @property
    def fewer(self) -> int:
        """Times of the version that has fewer of them."""
        return self._count if len(self.other) == KEPT else min(self._count, len(self.other))

    def look(self, ratio: float, alpha: float) -> Slower | None:
        """Whether it is too slow, as far as it is time to look; over all looks by chance with at most `alpha`."""
        spent = self._looks.alpha(self.fewer, alpha)
        return slower(self.own, self.other, ratio, spent) if spent else None


class Together:
    """Times of several kinds, whose medians are judged as one: what none of them shows yet, all may."""

    def __init__(self, kinds: Sequence[Times]) -> None:
        self._kinds = kinds
        self._looks = Looks(FEWEST * len(kinds))

    def look(self, ratio: float, alpha: float) -> Slower | None:
        """As `Times.look`, once there are enough of each kind."""
        if min(each.fewer for each in self._kinds) < FEWEST:
            return None
        spent = self._looks.alpha(sum(each.fewer for each in self._kinds), alpha)
        return slower_together([(each.own, each.other) for each in self._kinds], ratio, spent) if spent else None


def slower(own: Sequence[int], other: Sequence[int], ratio: float, alpha: float) -> Slower | None:
    """The first quantile at which times are too long; where the two are alike, one is found with at most `alpha`."""
    mine, others = np.asarray(own, float), np.asarray(other, float)
    scaled = mine / np.cbrt(ratio)
    for quantile, part in QUANTILES.items():
        at, other_at = float(np.quantile(mine, quantile)), float(np.quantile(others, quantile))
        if at <= ratio * other_at or at - other_at <= LEAST_NS:
            continue
        p = rank_sum_p(scaled, others) if quantile == 0.5 else _above_p(scaled, others, quantile)
        if p <= alpha * part:
            return Slower(quantile, at, other_at, (len(mine), len(others)))
    return None


def slower_together(kinds: Sequence[tuple[Sequence[int], Sequence[int]]], ratio: float, alpha: float) -> Slower | None:
    """The same at the median, of times of several kinds: by the geometric mean of their medians, and the sum of their
    rank sum statistics (Stouffer 1949)."""
    arrays = [(np.asarray(own, float), np.asarray(other, float)) for own, other in kinds]
    at, other_at = (float(np.exp(np.mean([np.log(np.median(each[of])) for each in arrays]))) for of in (0, 1))
    if at <= ratio * other_at or at - other_at <= LEAST_NS:
        return None
    z = sum(_rank_sum_z(own / np.cbrt(ratio), other) for own, other in arrays) / sqrt(len(arrays))
    counts = sum(len(own) for own, _ in arrays), sum(len(other) for _, other in arrays)
    return Slower(0.5, at, other_at, counts) if _tail(z) <= alpha else None


STEP = 0.75
"""Of the rank sum, that it is believed to be less: with half a step, few times of which many are equal are judged rarer
than they are."""


def rank_sum_p(own: Array, other: Array) -> float:
    """The chance that times of one distribution are so much the longer ones: by the normal distribution, whose tail is
    wider than that of the rank sum. Equal times count half, as if they did not make the sum vary less."""
    return _tail(_rank_sum_z(own, other))


def _rank_sum_z(own: Array, other: Array) -> float:
    ordered = np.sort(other)
    below = np.searchsorted(ordered, own, "left") + np.searchsorted(ordered, own, "right")
    pairs = len(own) * len(other)
    spread = sqrt(pairs * (len(own) + len(other) + 1) / 12)
    return (float(below.sum()) / 2 - pairs / 2 - STEP) / spread


def _tail(z: float) -> float:
    return 0.5 * erfc(z / sqrt(2))


def _above_p(own: Array, other: Array, quantile: float) -> float:
    above = np.quantile(np.concatenate((own, other)), quantile)
    return fisher_p(int((own > above).sum()), len(own), int((other > above).sum()), len(other))
