"""What is to happen, in order of time: the clock of a simulation. What happens at one moment keeps its order."""

import itertools
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

Act = Callable[[int, Any], None]
"""Told the time and what it was put down with."""


class Agenda:
    """Owned by one simulation; times are whole nanoseconds from its begin."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Act, Any]] = []
        self._numbers = itertools.count()

    def __bool__(self) -> bool:
        return bool(self._heap)

    @property
    def next_ns(self) -> int:
        """When the next thing happens; there must be one."""
        return self._heap[0][0]

    def at(self, when_ns: int, act: Act, what: Any = None) -> None:
        """Do it then."""
        heappush(self._heap, (when_ns, next(self._numbers), act, what))

    def step(self) -> int:
        """Do what is next, and say what time it is."""
        when_ns, _, act, what = heappop(self._heap)
        act(when_ns, what)
        return when_ns
