"""How often each model is asked for, lately and for long: what its stay in memory is worth. Owns only counts."""

import math
from collections.abc import Hashable
from typing import Generic, TypeVar

import msgspec

LONG_S = 3600.0
SHORT_S = 60.0
SHORT_SHARE = 0.5
"""Of a rate, how much the short time says: enough to follow a change within minutes, little enough not to be noise."""

MOST = 10_000
"""Models whose counts are kept, those out of memory too: one that comes back is known."""

Name = TypeVar("Name", bound=Hashable)


class _Counts(msgspec.Struct):
    at_s: float
    long: float = 0.0
    short: float = 0.0

    def fade(self, now_s: float) -> None:
        """Let the counts lose half of themselves in each half-life."""
        passed_s = max(0.0, now_s - self.at_s)
        self.long *= math.exp2(-passed_s / LONG_S)
        self.short *= math.exp2(-passed_s / SHORT_S)
        self.at_s = now_s


class Popularity(Generic[Name]):
    """Owns two fading counts of requests for every model."""

    def __init__(self) -> None:
        self._counts: dict[Name, _Counts] = {}

    def asked(self, name: Name, now_s: float, requests: int = 1) -> None:
        """So many requests came for it."""
        counts = self._counts.get(name)
        if counts is None:
            if len(self._counts) >= MOST:
                del self._counts[min(self._counts, key=lambda each: self._counts[each].at_s)]
            counts = self._counts[name] = _Counts(now_s)
        counts.fade(now_s)
        counts.long += requests
        counts.short += requests

    def last_s(self, name: Name) -> float | None:
        """When it was last asked for; None: never, as far as is known."""
        counts = self._counts.get(name)
        return None if counts is None else counts.at_s

    def rate(self, name: Name, now_s: float) -> float:
        """Requests a second that are to be expected."""
        counts = self._counts.get(name)
        if counts is None:
            return 0.0
        passed_s = max(0.0, now_s - counts.at_s)
        long = counts.long * math.exp2(-passed_s / LONG_S) / LONG_S
        short = counts.short * math.exp2(-passed_s / SHORT_S) / SHORT_S
        return math.log(2) * ((1 - SHORT_SHARE) * long + SHORT_SHARE * short)
