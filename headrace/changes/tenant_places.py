"""Which tenants of a model are told apart: those that ask most lately. Clients choose their names."""

from collections import Counter

CANDIDATES = 64
"""Tenants beside those with a place of whom it is remembered how often they came lately."""

FADES = 60
"""Seconds with requests after which what is remembered counts half."""

BUSIER = 2
"""How much more often than the one with a place another has to come, to take it."""


class TenantPlaces:
    """Names by their places. One that asks no more gives its place to one that does."""

    def __init__(self, most: int) -> None:
        self.names: list[str] = []
        self._most = most
        self._lately: Counter[str] = Counter()
        self._seconds = 0

    def of(self, name: str) -> int:
        """Its place; where all are taken, the one behind them, which is of all others."""
        if name in self.names:
            return self.names.index(name)
        if len(self.names) < self._most:
            self.names.append(name)
            return len(self.names) - 1
        return self._most

    def count(self, came: Counter[str]) -> int | None:
        """Who came in one more second; returns the place that is another tenant's from now on, where there is one."""
        self._seconds += 1
        if self._seconds % FADES == 0:
            self._lately = Counter({name: times // 2 for name, times in self._lately.items() if times > 1})
        for name, times in came.items():
            if name in self._lately or name in self.names or len(self._lately) < CANDIDATES + self._most:
                self._lately[name] += times
        waiting = [name for name in self._lately if name not in self.names]
        if not waiting or len(self.names) < self._most:
            return None
        busiest = max(waiting, key=self._lately.__getitem__)
        idlest = min(self.names, key=self._lately.__getitem__)
        if self._lately[busiest] <= BUSIER * (self._lately[idlest] + 1):
            return None
        place = self.names.index(idlest)
        self.names[place] = busiest
        return place
