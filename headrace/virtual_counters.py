"""What each tenant was served, whatever it was: tenants share what is busy by weight. Pure.

Virtual token counters: Sheng et al., Fairness in Serving Large Language Models, OSDI 2024.
"""

from collections.abc import Iterable, Mapping

from headrace.tenants import weight_of

MOST_TENANTS = 10_000  # that are remembered; the oldest are forgotten, and begin as if they were new


class Served(dict[str, float]):
    """By tenant; nothing of those that are not known."""

    def __missing__(self, tenant: str) -> float:
        return 0.0


class VirtualCounters:
    """What each tenant was served, over its weight. The one that had least is next."""

    def __init__(self, weights: Mapping[str, float], credit: float = 0.0) -> None:
        """Of what a tenant leaves unused of its share, `credit` at most is kept for when it comes back."""
        self.weights = weights
        self._credit = credit
        self.so_far = Served()
        """What each was served by now; for whoever asks too often to call."""

    @property
    def several(self) -> bool:
        """Whether more than one tenant was ever there."""
        return len(self.so_far) > 1

    def of(self, tenant: str) -> float:
        """What it was served."""
        return self.so_far[tenant]

    def came(self, tenant: str, waiting: Iterable[str]) -> None:
        """A tenant of which nothing waited asks for something."""
        begins = self.begins(tenant, waiting)
        self.so_far.pop(tenant, None)
        if len(self.so_far) >= MOST_TENANTS:
            del self.so_far[next(iter(self.so_far))]
        self.so_far[tenant] = begins

    def begins(self, tenant: str, waiting: Iterable[str]) -> float:
        """What it counts as served where it comes now: what it left unused before is lost, but for the credit; who was
        never served has none."""
        before = self.so_far.get(tenant)
        least = min(map(self.so_far.__getitem__, waiting), default=0.0)
        return least if before is None else max(before, least - self._credit / weight_of(tenant, self.weights))

    def served(self, tenant: str, cost: float) -> None:
        """Something of it is run."""
        self.so_far[tenant] += cost / weight_of(tenant, self.weights) if self.weights else cost

    def first(self, tenants: Iterable[str]) -> str:
        """The one of these whose turn it is; there must be one."""
        return min(tenants, key=self.so_far.__getitem__)

    def next(self, tenants: Iterable[str]) -> list[str]:
        """These tenants, the one whose turn it is first."""
        return sorted(tenants, key=self.so_far.__getitem__)
