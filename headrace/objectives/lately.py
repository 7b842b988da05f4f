"""How often something happened within the last while, by what it happened to. Pure."""

from collections import deque
from collections.abc import Mapping
from typing import Generic, TypeVar

K = TypeVar("K")

PARTS = 60
"""What happened within such a part of the while is forgotten together."""


class Lately(Generic[K]):
    """Owns the counts; what has happened to nobody for that long is forgotten whole."""

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._part_s = window_s / PARTS
        self._counts: dict[K, deque[tuple[float, int]]] = {}

    def add(self, key: K, now_s: float, count: int = 1) -> None:
        parts = self._counts.setdefault(key, deque())
        if parts and now_s - parts[-1][0] < self._part_s:
            parts[-1] = (parts[-1][0], parts[-1][1] + count)
        else:
            parts.append((now_s, count))

    def forget(self, key: K) -> None:
        self._counts.pop(key, None)

    def counts(self, now_s: float) -> Mapping[K, int]:
        """How often, by what; those to which nothing happened are left out."""
        for key, parts in list(self._counts.items()):
            while parts and parts[0][0] <= now_s - self._window_s:
                parts.popleft()
            if not parts:
                del self._counts[key]
        return {key: sum(count for _, count in parts) for key, parts in self._counts.items()}


class Rises(Generic[K]):
    """The same of counters that are read now and then: by how much each rose."""

    def __init__(self, window_s: float) -> None:
        self._lately = Lately[K](window_s)
        self._read: dict[K, int] = {}

    def read(self, totals: Mapping[K, int], now_s: float) -> Mapping[K, int]:
        """By how much each rose within the while; what is read for the first time rose from 0."""
        for key, total in totals.items():
            rise = total - self._read.get(key, 0)
            self._read[key] = total
            if rise > 0:
                self._lately.add(key, now_s, rise)
        return self._lately.counts(now_s)
