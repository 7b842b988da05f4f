"""What a run exceeds once in a hundred, as a multiple of what it typically takes. Pure.

The exact quantile of recent runs, times a factor that is raised at each miss and lowered a little at each hit, so that
misses come as often as they may whatever the distribution (adaptive conformal inference).
"""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator, Sequence
from functools import lru_cache
from math import ceil, exp, inf, sqrt
from typing import Any

QUANTILE = 0.99
KEPT = 256  # ratios
KEPT_READ = 24  # of these, that kept ones come back as
ENOUGH = 100  # ratios, for a quantile of their own
FEW = 20  # below, the two largest say little
PRIOR = 1.5
STEP = 0.02
LEAST, MOST = 0.8, 3.0  # of the factor: below 1, for the quantile is that of a finite sample and errs upwards
LARGEST = 100.0  # ratio


class Margin:
    """Owned by one Latency.

    Short runs vary more in proportion than long ones, since what holds them up is as long for both: runs of about one
    magnitude have a quantile of their own once there are enough of them.
    """

    def __init__(self) -> None:
        self._all = Ring()
        self._typical: deque[float] = deque()  # of each of these, in ns
        self._about: dict[int, Ring] = {}
        self._factor = 1.0
        self._times: dict[int, float] = {}  # by bits of a time, what was asked since the last run

    def times(self, typical_ns: float) -> float:
        """How many times the typical run a late one takes, of runs that typically take so long."""
        bits = int(typical_ns).bit_length()
        times = self._times.get(bits)
        if times is None:
            times = self._times[bits] = max(1.0, self._ring(_magnitude(bits)).quantile * self._factor)
        return times

    def learn(self, typical_ns: float, ratio: float) -> None:
        """One finished run, over what was predicted of it."""
        ratio = min(ratio, LARGEST)
        missed = ratio > self.times(typical_ns)
        self._factor *= exp(STEP * (QUANTILE if missed else QUANTILE - 1))
        self._factor = min(max(self._factor, LEAST), MOST)
        self._all.add(ratio)
        self._typical.append(typical_ns)
        while len(self._typical) > len(self._all):
            self._typical.popleft()
        magnitude = _magnitude(int(typical_ns).bit_length())
        ring = self._about.get(magnitude)
        if ring is None:
            ring = self._about[magnitude] = Ring()
        ring.add(ratio)
        self._times.clear()

    def _ring(self, magnitude: int) -> "Ring":
        ring = self._about.get(magnitude)
        return ring if ring is not None and len(ring) >= ENOUGH else self._all

    def to_json(self) -> dict[str, Any]:
        return {
            "factor": round(self._factor, 4),
            "ratios": [round(ratio, 3) for ratio in self._all],
            "typical_us": [round(ns / 1e3) for ns in self._typical],
        }

    @classmethod
    def from_json(cls, kept: Any) -> "Margin":
        """What was kept counts for a few runs, which new ones take the place of one by one: who knows how the machine
        was then. Raises ValueError, TypeError or KeyError where it is none."""
        margin = cls()
        factor, ratios = float(kept["factor"]), [float(ratio) for ratio in kept["ratios"]]
        if not LEAST <= factor <= MOST:
            raise ValueError(f"no factor: {factor}")
        if not all(0 <= ratio <= LARGEST for ratio in ratios):
            raise ValueError("a ratio that is none")
        margin._factor = min(factor, sqrt(factor))
        margin._all = Ring(ratios)
        margin._typical = deque(thinned([float(us) * 1e3 for us in kept.get("typical_us", [0.0] * len(ratios))]))
        if len(margin._typical) != len(margin._all):
            raise ValueError("not as many times as ratios")
        return margin


class Ring:
    """The last ratios, and their quantile. Those that it begins with leave as others come."""

    def __init__(self, kept: Sequence[float] = ()) -> None:
        self._ratios = deque(thinned(kept))
        self._sorted = sorted(self._ratios)
        self._old = len(self._ratios)
        self._prior = min(PRIOR, quantile(sorted(kept)))
        self.quantile = quantile(self._sorted, self._prior)

    def __len__(self) -> int:
        return len(self._ratios)

    def __iter__(self) -> Iterator[float]:
        return iter(self._ratios)

    def add(self, ratio: float) -> None:
        """One more."""
        self._ratios.append(ratio)
        insort(self._sorted, ratio)
        if self._old or len(self._ratios) > KEPT:
            self._old = max(0, self._old - 1)
            del self._sorted[bisect_left(self._sorted, self._ratios.popleft())]
        self.quantile = quantile(self._sorted, self._prior)


def thinned(kept: Sequence[float]) -> Sequence[float]:
    """A few of them, evenly spaced."""
    return kept[:: max(1, ceil(len(kept) / KEPT_READ))]


def _magnitude(bits: int) -> int:
    """Of a time of so many bits, equal for those that are about the same: a factor of four apart they are not."""
    return bits // 2


def quantile(ratios: list[float], prior: float = PRIOR) -> float:
    """Of sorted ratios, what the next exceeds once in a hundred; with few of them no less than the prior."""
    count = len(ratios)
    if count >= ENOUGH:
        return ratios[_rank(count)]
    return max(prior, ratios[-2] if count >= FEW else -inf)


@lru_cache(KEPT)
def _rank(count: int) -> int:
    """Which of so many sorted ones it is."""
    return min(ceil(QUANTILE * (count + 1)), count) - 1
