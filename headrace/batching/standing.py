"""How what was predicted comes true, by tenant. Pure.

One that asks for more than its share is served late where others come first: that says nothing of these, whose time
must not be planned with more caution for it.
"""

from collections import Counter

from headrace.batching.evenness import Evenness
from headrace.batching.guard import Guard
from headrace.batching.trust import Trust

ENOUGH = 64  # answers, from which on a tenant has a standing of its own
MOST = 256  # that have one; the oldest are forgotten
MOST_COUNTED = 10_000  # tenants whose answers are counted until they have one


class Standing:
    """What is held back of deadlines, how much of predictions is believed, and how evenly long ones are let in."""

    def __init__(self) -> None:
        self.guard = Guard()
        self.trust = Trust()
        self.evenness = Evenness()

    def copied(self) -> "Standing":
        """One that goes its own way from here."""
        copy = Standing()
        copy.guard, copy.trust, copy.evenness = self.guard.copied(), self.trust.copied(), self.evenness.copied()
        return copy


class Standings:
    """Those of the tenants of one model; who has had few answers shares one with all such."""

    def __init__(self) -> None:
        self._newcomers = Standing()
        self._own: dict[str, Standing] = {}
        self._answers: Counter[str] = Counter()

    def of(self, tenant: str) -> Standing:
        """What goes for its requests now."""
        return self._own.get(tenant) or self._newcomers

    def answered(self, tenant: str) -> Standing:
        """One more of its requests has an answer: the standing that is to be told how that came."""
        standing = self._own.get(tenant)
        if standing is None:
            standing = self._newcomers
            self._answers[tenant] += 1
            if self._answers[tenant] >= ENOUGH:
                self._settle(tenant)
            elif len(self._answers) > MOST_COUNTED:
                self._answers.clear()
        return standing

    def _settle(self, tenant: str) -> None:
        """It made most of what is known: that goes on as its own, and newcomers begin where it stands now."""
        del self._answers[tenant]
        if len(self._own) >= MOST:
            del self._own[next(iter(self._own))]
        self._own[tenant] = self._newcomers
        self._newcomers = self._newcomers.copied()
