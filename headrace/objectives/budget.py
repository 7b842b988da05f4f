"""An error budget and how fast it burns: counts over rolling windows. Pure; knows no model and no clock."""

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

BUCKETS = 60
"""A window moves on by so many parts of itself: what it holds is right to one part."""

DIGITS = 9
"""Behind the point: what a target leaves is meant exactly, and 1 - 0.9995 is not."""


class Bucket(NamedTuple):
    """What was counted from `start_s` on, for as long as a bucket of its window is wide."""

    start_s: float
    good: int
    bad: int


class Window:
    """Counts of about the last `span_s` seconds. Time that goes back counts as standing still."""

    def __init__(self, span_s: float) -> None:
        self.span_s = span_s
        self.width_s = span_s / BUCKETS
        self.good = 0
        self.bad = 0
        self._buckets: deque[list[int]] = deque()  # index, good, bad; ascending

    def add(self, now_s: float, good: int, bad: int) -> None:
        index = self._advance(now_s)
        if not good and not bad:
            return
        if not self._buckets or self._buckets[-1][0] < index:
            self._buckets.append([index, 0, 0])
        last = self._buckets[-1]
        last[1] += good
        last[2] += bad
        self.good += good
        self.bad += bad

    def move(self, now_s: float) -> None:
        """Forget what is out of the window now."""
        self._advance(now_s)

    def since(self, start_s: float) -> list[Bucket]:
        """The buckets that begin at `start_s` or later, oldest first."""
        return [Bucket(i * self.width_s, good, bad) for i, good, bad in self._buckets if i * self.width_s >= start_s]

    def restore(self, buckets: Iterable[Bucket], now_s: float) -> None:
        """Take up what an empty window had at another time, those of the future excepted: then the clock was wrong."""
        for bucket in sorted(buckets):
            if bucket.start_s <= now_s:
                self.add(bucket.start_s + self.width_s / 2, bucket.good, bucket.bad)
        self.move(now_s)

    def _advance(self, now_s: float) -> int:
        index = int(now_s // self.width_s)
        if self._buckets:
            index = max(index, self._buckets[-1][0])
        while self._buckets and self._buckets[0][0] <= index - BUCKETS:
            _, good, bad = self._buckets.popleft()
            self.good -= good
            self.bad -= bad
        return index


class Burn(NamedTuple):
    """One rule on how fast a budget may burn: in a long window, and in a short one, so that it is over when it is."""

    rate: float  # times as fast as would use up the budget at the end of its period
    long_s: float
    short_s: float


def burn_rate(good: int, bad: int, target: float) -> float:
    """How many times as fast as is allowed answers fail; 0 where nothing was counted."""
    allowed = round(1 - target, DIGITS)
    return round(bad / (good + bad) / allowed, DIGITS) if good + bad else 0.0


def budget_remaining(good: int, bad: int, target: float) -> float:
    """Share of the budget of a period that is left; below 0 where more than that was used."""
    return 1 - burn_rate(good, bad, target)


def burns(burn: Burn, long: Window, short: Window, target: float, least_bad: int) -> bool:
    """Whether both windows burn faster than the rule allows, by at least so many failures in the long one."""
    return (
        long.bad >= least_bad
        and burn_rate(long.good, long.bad, target) > burn.rate
        and burn_rate(short.good, short.bad, target) > burn.rate
    )
