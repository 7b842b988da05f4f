"""Counts by tenant, of the busiest by name and of all others together: clients choose their names."""

from collections import Counter
from collections.abc import Hashable
from typing import Generic, TypeVar

MOST = 100
"""Tenants that are counted by name."""

CANDIDATES = 1000
"""Tenants beside them of whom it is remembered how often they came lately."""

REST = "other"
"""What all others are counted as. A tenant of that name is one of them."""


R = TypeVar("R", bound=Hashable)
"""What a count is of, beside a tenant; they can be ordered."""


class TenantCounts(Generic[R]):
    """Counts of a tenant and a reason. A tenant that became busier than one with a name takes its place.

    What the one that lost its name had is added to the others', and what the new one had stays there: no count of the
    others' ever falls.
    """

    def __init__(self, most: int = MOST, candidates: int = CANDIDATES) -> None:
        self._counts: Counter[tuple[str, R]] = Counter()  # by name and reason
        self._named: Counter[str] = Counter()  # how often each of those came
        self._lately: Counter[str] = Counter()  # and others
        self._least = 0  # no tenant with a name came less often
        self._most = most
        self._candidates = candidates

    def add(self, tenant: str, reason: R, times: int = 1, came: int | None = None) -> None:
        """Count so many; `came` is how much that makes the tenant busier, where it is not as many."""
        self._counts[self._name_of(tenant, times if came is None else came), reason] += times

    def merge(self, reason: R, into: R) -> None:
        """Count what was of one reason as of another, and no longer apart."""
        for key in [key for key in self._counts if key[1] == reason]:
            self._counts[key[0], into] += self._counts.pop(key)

    def items(self) -> list[tuple[tuple[str, R], int]]:
        """Every tenant and reason with its count, in order."""
        return sorted(self._counts.items())

    def unordered(self) -> list[tuple[tuple[str, R], int]]:
        """The same as they are, where there may be very many."""
        return list(self._counts.items())

    def _name_of(self, tenant: str, times: int) -> str:
        if tenant == REST:
            return REST
        if tenant not in self._named:
            if len(self._named) >= self._most and not self._overtakes(tenant, times):
                return REST
            came = self._lately.pop(tenant, times)  # of one that overtook another it was counted there
            self._named[tenant] = came
            self._least = min(self._least, came)
            return tenant
        self._named[tenant] += times
        return tenant

    def _overtakes(self, tenant: str, times: int) -> bool:
        """Count one that has no name; whether it has now come more often than one that has, which loses it."""
        if tenant not in self._lately and len(self._lately) >= self._candidates:
            self._lately = Counter({name: count // 2 for name, count in self._lately.items() if count > 1})
            self._named = Counter({name: count // 2 for name, count in self._named.items()})  # what is long ago fades
            self._least //= 2
        if tenant in self._lately or len(self._lately) < self._candidates:
            self._lately[tenant] += times
        if self._lately[tenant] <= self._least:
            return False  # nobody has come less often: of many that come once, hardly one is compared with all
        least = min(self._named, key=lambda name: self._named[name])
        self._least = self._named[least]
        if self._lately[tenant] <= self._least:
            return False
        del self._named[least]
        for name, reason in [key for key in self._counts if key[0] == least]:
            self._counts[REST, reason] += self._counts.pop((name, reason))
        return True
