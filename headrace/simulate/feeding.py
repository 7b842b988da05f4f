"""Which of several machines a request goes to. Pure: it knows how many requests each holds, and nothing else.

shortest      to one that holds fewest; of several, to the one that has been so for longest
round-robin   one after the other
random        to any, as where a hash of the client or of the request decides
"""

from collections.abc import Sequence
from typing import Literal, Protocol, get_args

import numpy as np

Feeding = Literal["shortest", "round-robin", "random"]
FEEDINGS: Sequence[Feeding] = get_args(Feeding)
DRAWN = 4096


class Feed(Protocol):
    """Owned by one simulation."""

    def choose(self) -> int:
        """The machine for the next request, which it holds from now on."""
        ...

    def done(self, machine: int, count: int) -> None:
        """It holds so many less."""
        ...


class Shortest:
    """Machines by how many requests they hold: a choice costs the same however many there are."""

    def __init__(self, machines: int) -> None:
        self._held = [0] * machines
        self._by_count: dict[int, dict[int, None]] = {0: dict.fromkeys(range(machines))}
        self._least = 0

    def choose(self) -> int:
        machine = next(iter(self._by_count[self._least]))
        self._move(machine, self._least + 1)
        return machine

    def done(self, machine: int, count: int) -> None:
        self._move(machine, self._held[machine] - count)

    def _move(self, machine: int, count: int) -> None:
        before = self._held[machine]
        there = self._by_count[before]
        del there[machine]
        if not there:
            del self._by_count[before]
        self._held[machine] = count
        self._by_count.setdefault(count, {})[machine] = None
        if count < self._least or not there:
            self._least = count if count < self._least else min(self._by_count)


class RoundRobin:
    """Machines in turn."""

    def __init__(self, machines: int) -> None:
        self._machines = machines
        self._next = 0

    def choose(self) -> int:
        machine, self._next = self._next, (self._next + 1) % self._machines
        return machine

    def done(self, machine: int, count: int) -> None:
        """Nothing depends on it."""


class Random:
    """Machines by lot."""

    def __init__(self, machines: int, seed: int) -> None:
        self._random = np.random.default_rng([seed, 3])
        self._machines = machines
        self._drawn: list[int] = []

    def choose(self) -> int:
        if not self._drawn:
            self._drawn = self._random.integers(0, self._machines, DRAWN).tolist()
        return self._drawn.pop()

    def done(self, machine: int, count: int) -> None:
        """Nothing depends on it."""


def make_feed(feeding: Feeding, machines: int, seed: int) -> Feed:
    """A way to choose."""
    if feeding == "shortest":
        return Shortest(machines)
    return RoundRobin(machines) if feeding == "round-robin" else Random(machines, seed)
