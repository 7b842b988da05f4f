"""How much is being asked for: arrivals a second and the work they bring, forgetting the past by half-lives. Pure.

Of a quick and a slow estimate the larger counts: a burst is seen at once, and a pause in it is not taken for its end.
"""

from collections.abc import Sequence
from math import exp2, log

HALF_LIVES_NS = (200_000_000, 2_000_000_000)
GRAIN_NS = 1_000_000  # within which nothing is forgotten
LN2 = log(2.0)
FORGOTTEN = 1 / 16
"""Of what was asked for: behind such a pause it begins anew."""


class Demand:
    """Of one stream of requests, be it a shape, a model or a machine; owned by whoever counts them."""

    __slots__ = ("_cost_ns", "_estimates", "_requests", "_rows", "_since_ns")

    def __init__(self, half_lives_ns: Sequence[int] = HALF_LIVES_NS, seen_after_ns: int = 0) -> None:
        """What begins is taken to go on as it began once it was seen for `seen_after_ns` and is no mere burst; 0: it
        is believed by and by, half of it after the shortest half-life."""
        self._estimates = [_Estimate(half_life_ns, seen_after_ns) for half_life_ns in half_lives_ns]
        self._since_ns = 0  # what came since then is not yet in the estimates
        self._requests = 0
        self._rows = 0
        self._cost_ns = 0.0

    def arrived(self, now_ns: int, rows: int, cost_ns: float, requests: int = 1) -> None:
        """A request, or several, of so many rows, that will take so long to compute."""
        if now_ns - self._since_ns > GRAIN_NS:
            self._add(now_ns)
        self._requests += requests
        self._rows += rows
        self._cost_ns += cost_ns

    def rate(self, now_ns: int, but: int = 0) -> float:
        """Requests a second, without so many of the last."""
        return max([(each.requests + self._requests - but) * each.per_s(now_ns) for each in self._estimates])

    def rows(self, now_ns: int) -> float:
        """Rows a second."""
        return max([(each.rows + self._rows) * each.per_s(now_ns) for each in self._estimates])

    def load(self, now_ns: int, but_ns: float = 0.0) -> float:
        """Seconds of computing that arrive in a second, without so much of the last: above 1, one lane cannot keep
        up."""
        return max([(each.cost_ns + self._cost_ns - but_ns) * each.per_s(now_ns) for each in self._estimates]) / 1e9

    def _add(self, now_ns: int) -> None:
        for estimate in self._estimates:
            estimate.add(now_ns, self._requests, self._rows, self._cost_ns)
        self._since_ns, self._requests, self._rows, self._cost_ns = now_ns, 0, 0, 0.0


class _Estimate:
    """Sums in which what came a half-life ago counts half."""

    __slots__ = ("_begun_ns", "_half_life_ns", "_per_s", "_seen_after_ns", "_then_ns", "cost_ns", "requests", "rows")

    def __init__(self, half_life_ns: int, seen_after_ns: int) -> None:
        self._half_life_ns = half_life_ns
        self._seen_after_ns = seen_after_ns
        self._begun_ns = 0
        self._per_s = LN2 / (half_life_ns / 1e9)
        self._then_ns = 0
        self.requests = 0.0
        self.rows = 0.0
        self.cost_ns = 0.0

    def add(self, now_ns: int, requests: int, rows: int, cost_ns: float) -> None:
        """So much came since the last time."""
        kept = self._kept(now_ns)
        if kept < FORGOTTEN or not self._then_ns:
            self._begun_ns = now_ns
        self.requests = (self.requests + requests) * kept
        self.rows = (self.rows + rows) * kept
        self.cost_ns = (self.cost_ns + cost_ns) * kept
        self._then_ns = now_ns

    def per_s(self, now_ns: int) -> float:
        """What makes a rate now of a sum then."""
        rate = self._kept(now_ns) * self._per_s
        seen_for_ns = now_ns - self._begun_ns
        if seen_for_ns < self._seen_after_ns or not self._seen_after_ns:
            return rate
        return rate / (1.0 - exp2(-seen_for_ns / self._half_life_ns))

    def _kept(self, now_ns: int) -> float:
        passed_ns = now_ns - self._then_ns
        return exp2(-passed_ns / self._half_life_ns) if passed_ns > 0 else 1.0
