"""Which requests of one model are looked at: as many as its share of a processor allows, evenly."""

import math
from collections.abc import Sequence
from typing import NamedTuple

EACH = 0.0025
"""Of a core's time, that looking at one model may take in the long run: enough for a window in seconds, and what more
would be looked at would hardly be told sooner, and be felt by those who are looked at."""

CREDIT_S = 0.03
"""Time of it that may be saved up: what is seldom asked is looked at whole, also where some hundreds come at once."""

FADE = 0.875
"""Of what earlier rounds tell of a request's cost, in each: many requests tell more than the first, which is dear."""


class Looked(NamedTuple):
    """What was looked at of a model since the last round, and what that took."""

    requests: int = 0
    spent_s: float = 0.0  # of a processor's time


class Portion:
    """One model's. What it counts is of the round that goes on."""

    __slots__ = ("_cost_s", "_credit_s", "_looked", "came", "every", "most", "taken", "until")

    def __init__(self) -> None:
        self.every = 1  # one in so many is looked at
        self.until = 1  # requests until one is, it included
        self.came = 0  # requests, as far as they were counted
        self.taken = 0  # of them, that are looked at
        self.most = math.inf  # that it may be: what is copied and not looked at has been copied for nothing
        self._cost_s = 0.0  # of a processor's time on looking, of late
        self._looked = 0.0  # requests that it went into
        self._credit_s = CREDIT_S

    @property
    def each_s(self) -> float:
        """What looking at one takes; 0 until that is known."""
        return self._cost_s / self._looked if self._looked else 0.0

    def wants(self, seconds: float) -> float:
        """The share of a core that it would take to look at all that came in so long."""
        return self.came / seconds * self.each_s

    def spent(self, looked: Looked) -> None:
        """Learn what was looked at."""
        self._credit_s -= looked.spent_s
        if looked.requests:
            self._cost_s = looked.spent_s + FADE * self._cost_s
            self._looked = looked.requests + FADE * self._looked

    def round(self, seconds: float, share: float, credit_s: float) -> None:
        """Begin the next round after one of so long: it may take `share` of a core, and while all models together have
        `credit_s` left, what it has saved up itself."""
        self._credit_s = min(self._credit_s + share * seconds, CREDIT_S)
        credit_s = min(self._credit_s, credit_s)
        self.every = max(1, math.ceil(self.wants(seconds) / share)) if credit_s <= 0 else 1
        if each_s := self.each_s:
            self.most = (max(credit_s, 0.0) + 2 * share * seconds) / each_s
        self.came = self.taken = 0


def most_each(wanted: Sequence[float], room: float) -> float:
    """How much each may have at most where all that is wanted has no room: who wants less has it whole."""
    for before, least in enumerate(sorted(wanted)):
        even = room / (len(wanted) - before)
        if least > even:
            return even
        room -= least
    return math.inf
