"""The highest rate that holds, by bisection, where every try is a noisy one. Pure: it says which rate to try next.

A rate holds where at least the wanted share of its requests is answered in time. A try tells a share of some
thousands; where that is too near to the border to tell on which side it is, the rate is tried again and the tries
are taken together.
"""

from math import inf, sqrt
from typing import Literal

import msgspec

Held = Literal["holds", "fails", "unclear"]
_Z = 1.96  # of 95 %


class Tries(msgspec.Struct):
    """All tries of one rate together."""

    rate: float
    count: int = 0
    sent: int = 0
    in_time: int = 0


class Search:
    """Ask `next_rate`, try it, tell `observe`; until it is None. `best` is the highest rate that held."""

    def __init__(
        self, start: float, *, attainment: float = 0.99, precision: float = 0.05, tries: int = 3, most: int = 24
    ) -> None:
        self.lower = 0.0  # held, and nothing below failed
        self.upper = inf  # failed
        self.tries: list[Tries] = []
        self._attainment = attainment
        self._precision = precision
        self._tries_each = tries
        self._left = most  # tries, of all rates together
        self._now = Tries(start)

    @property
    def best(self) -> float | None:
        return self.lower or None

    def next_rate(self) -> float | None:
        """The rate to try next; None where the answer is known as well as was wanted."""
        if self._left <= 0 or self.upper <= self.lower * (1 + self._precision):
            return None
        return self._now.rate

    def observe(self, sent: int, in_time: int) -> Held:
        """What a try of the rate gave; what is known of the rate now."""
        now = self._now
        now.count, now.sent, now.in_time = now.count + 1, now.sent + sent, now.in_time + in_time
        self._left -= 1
        held = holds(now.sent, now.in_time, self._attainment, sure=now.count < self._tries_each)
        if held == "unclear":
            return held
        self.tries.append(now)
        if held == "holds":
            self.lower = now.rate
        else:
            self.upper = now.rate
        self._now = Tries(self._choose())
        return held

    def _choose(self) -> float:
        if self.upper == inf:
            return self.lower * 2
        if not self.lower:
            return self.upper / 2
        return sqrt(self.lower * self.upper)


def holds(sent: int, in_time: int, attainment: float, *, sure: bool = True) -> Held:
    """Whether the share answered in time is the wanted one; `unclear` only where one wants to be sure."""
    if not sent:
        return "fails"
    low, high = wilson(in_time, sent)
    if sure and low < attainment <= high and in_time < sent:
        return "unclear"
    return "holds" if in_time / sent >= attainment else "fails"


def wilson(successes: int, count: int) -> tuple[float, float]:
    """Between which bounds the share lies of which so many were seen, with 95 % confidence."""
    share, z2 = successes / count, _Z * _Z
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = _Z * sqrt(share * (1 - share) / count + z2 / (4 * count * count)) / (1 + z2 / count)
    return max(0.0, middle - half), min(1.0, middle + half)
