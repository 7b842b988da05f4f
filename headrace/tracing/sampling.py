"""Which finished requests are kept as traces: those whose client asks for it, a share of the others, and any that were
slow or failed."""

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from headrace.alike import Lot, set_apart
from headrace.gateway.token_bucket import TokenBucket
from headrace.records import RequestRecord

MOST_COUNTED = 4096  # models and what is asked for of them

_SAMPLED = frozenset("13579bdf")
"""Last characters of a traceparent whose lowest flag is set."""


class Sampling:
    """Decides when a request is over, when it is known what became of it."""

    def __init__(self, ratio: float, follows_clients: bool, max_per_s: int, random: Callable[[], float]) -> None:
        """`ratio` is of requests whose client says nothing; `random` is from 0 up to 1."""
        self.asked: Callable[[], Mapping[str, tuple[int, int]]] = dict  # what Triton's trace extension was told
        self._counts: Counter[tuple[str, int, int, str]] = Counter()
        self.left_out = 0  # because there were more than `max_per_s` to keep
        self._ratio = ratio
        self._follows_clients = follows_clients
        self._bucket = TokenBucket(max_per_s, max_per_s)
        self._random = random
        self._passed_over = self._run()  # requests, until one is drawn

    def keep(self, lot: Lot, slow: Collection[int], now_ns: int) -> list[int]:
        """The places of those that are kept; where there are too many, those that were drawn are left out first."""
        wanted, others = self._sorted(lot, slow)
        drawn = self._drawn(others)
        if asked := self.asked():
            drawn = sorted({*drawn, *self._asked_for(lot.requests, asked)}.difference(wanted))
        kept = [place for place in (*wanted, *drawn) if self._bucket.take(now_ns)]
        self.left_out += len(wanted) + len(drawn) - len(kept)
        return sorted(kept)

    def _sorted(self, lot: Lot, slow: Collection[int]) -> tuple[list[int], Sequence[int]]:
        """The places of those that are wanted, and of those that are drawn from."""
        if not any(group.traced for group in lot.alike):  # as it is most of the time
            return set_apart(lot, slow)
        wanted: list[int] = []
        others: list[int] = []
        for place, record in enumerate(lot.requests):
            if id(record) in slow or record.error:
                wanted.append(place)
            elif record.trace and self._follows_clients:
                if record.trace[-1] in _SAMPLED:
                    wanted.append(place)
            else:
                others.append(place)
        return wanted, others

    def _drawn(self, places: Sequence[int]) -> list[int]:
        """Some of these, each with the same chance."""
        drawn: list[int] = []
        at = self._passed_over
        while at < len(places):
            drawn.append(places[int(at)])
            at += 1 + self._run()
        self._passed_over = at - len(places)
        return drawn

    def _run(self) -> float:
        """How many are passed over before one is drawn: one throw of the dice for all of them."""
        if self._ratio >= 1:
            return 0
        if self._ratio <= 0:
            return math.inf
        return math.log1p(-self._random()) // math.log1p(-self._ratio)

    def _asked_for(self, requests: Sequence[RequestRecord], asked: Mapping[str, tuple[int, int]]) -> Iterator[int]:
        """The places of those that are one in so many of their model, until there were as many as were asked for.

        What is asked for is part of what is counted by: changed, it begins anew.
        """
        if len(self._counts) > MOST_COUNTED:
            self._counts.clear()
        for place, record in enumerate(requests):
            of = record.model if record.model in asked else ""
            rate, most = asked.get(of, (0, 0))
            if not rate:
                continue
            seen, kept = (of, rate, most, "seen"), (of, rate, most, "kept")
            if self._counts[seen] % rate == 0 and (most < 0 or self._counts[kept] < most):
                self._counts[kept] += 1
                yield place
            self._counts[seen] += 1
