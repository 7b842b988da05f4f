"""Which sizes a model is tried at when it is loaded, so that its first requests are already foreseen.

Cheap sizes come first, each once, then again for their medians: a model that turns out expensive is left when the time
is spent, and the larger sizes are foreseen from the smaller ones. A first run that took far longer than foreseen is
followed by a second at once, since some runtimes compile for each size: else what that took would stand for the size,
and what is larger would be thought too dear to be tried. `Sweep` decides and is pure; `measure` acts.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from statistics import median
from typing import NamedTuple

from headrace.batching.latency import Latency
from headrace.errors import InputRefused, Internal, Unavailable

log = logging.getLogger(__name__)

ROUNDS = 5
FIRST_ROUND = 0.6  # of the time, for sizes that were not tried yet
DEAR = 0.05  # of the time: a run that takes more is not repeated
FAR_LONGER = 2.0  # than foreseen
WORTH_A_SECOND = 0.2  # of the time: a first run that took more is not followed by another
LEAST_RUNNING = 0.25  # of a first run, whatever others say
SHORTEST = 8
LONGEST = 1 << 20

REFUSALS = (InputRefused, Internal, Unavailable)
"""What a run of a size comes to that a model does not take."""


class Size(NamedTuple):
    """Of a run."""

    rows: int
    length: int  # on the axis that varies; 0 where none does


class Sweep:
    """What to try next, by what the runs so far took; one sweep of one model.

    `least_ns` is what a run is known to take at least, as from the run that found the batch axis.
    """

    def __init__(self, sizes: Sequence[Size], budget_ns: float, least_ns: float = 0.0) -> None:
        self._budget_ns = budget_ns
        self._least_ns = least_ns
        self._spent_ns = 0.0
        self._took_ns: dict[Size, float] = {}
        self._sizes = sorted(sizes, key=_work)
        self._round = 0
        self._index = 0
        self._at_once = False  # the same size once more

    def next(self) -> Size | None:
        """The size of the next run; None: that is all. `took` or `refused` follows before the next is asked for."""
        if self._at_once:
            return self._sizes[self._index]
        while self._budget_ns > 0 and self._round < ROUNDS:
            while self._index < len(self._sizes):
                if self._pays(self._sizes[self._index]):
                    return self._sizes[self._index]
                self._index += 1
            self._sizes = [size for size in self._sizes if size in self._took_ns]
            self._round, self._index = self._round + 1, 0
        return None

    def took(self, ns: float) -> None:
        """The run has finished."""
        size = self._sizes[self._index]
        compiled = size not in self._took_ns and ns > FAR_LONGER * self._foreseen_ns(size)
        self._took_ns[size] = min(ns, self._took_ns.get(size, ns))  # a first run of a size also makes room for it
        self._spent_ns += ns
        self._at_once = compiled and ns <= min(WORTH_A_SECOND * self._budget_ns, self._budget_ns - self._spent_ns)
        if not self._at_once:
            self._index += 1

    def refused(self) -> None:
        """The model does not take this size; what is at least as large is not tried either."""
        self._at_once = False
        wrong = self._sizes[self._index]
        self._sizes = [s for s in self._sizes if s.rows < wrong.rows or s.length < wrong.length]

    def _pays(self, size: Size) -> bool:
        left_ns = self._budget_ns - self._spent_ns
        if self._round:
            return self._took_ns[size] <= min(left_ns, DEAR * self._budget_ns)
        return self._foreseen_ns(size) <= left_ns - (1 - FIRST_ROUND) * self._budget_ns

    def _foreseen_ns(self, size: Size) -> float:
        """No less than the run before it took, and no more than in proportion to the work."""
        if not self._took_ns:
            return self._least_ns
        last, ns = next(reversed(self._took_ns.items()))
        return ns * max(_work(size) / _work(last), 1.0)


def sizes(max_rows: int, longest: int = 0, shortest: int = SHORTEST) -> list[Size]:
    """Every doubling of rows up to `max_rows`, of every doubling of the length up to `longest` (0: none varies)."""
    lengths = _doublings(min(shortest, longest), min(longest, LONGEST)) if longest else [0]
    return [Size(rows, length) for rows in _doublings(1, max_rows) for length in lengths]


async def measure(sweep: Sweep, run: Callable[[int, int], Awaitable[float]], latency: Latency) -> int:
    """Try what the sweep asks for and learn from it; returns how many runs that were.

    `run(rows, length)` answers with the nanoseconds that it took. Sizes that the model refuses are left out; raises
    whatever else `run` raises. A first run of a size takes longer than those that follow it: some runtimes compile for
    each shape. What that is is known from sizes that were tried again, and taken off where one was not.
    """
    runs, first, again = 0, dict[Size, float](), dict[Size, float]()
    while (size := sweep.next()) is not None:
        try:
            ns = await run(*size)
        except REFUSALS as error:
            log.debug("a run of %d rows of length %d was refused: %s", *size, error)
            sweep.refused()
            continue
        sweep.took(ns)
        runs += 1
        if size in first:
            again[size] = min(ns, again.get(size, ns))
            latency.learn(*size, ns)
        else:
            first[size] = ns
    compiling = max(0.0, median([first[size] - ns for size, ns in again.items()])) if again else 0.0
    for size in [size for size in first if size not in again]:
        latency.learn(*size, max(first[size] - compiling, first[size] * LEAST_RUNNING))
    return runs


def _work(size: Size) -> int:
    return size.rows * max(size.length, 1)


def _doublings(first: int, last: int) -> list[int]:
    """Powers of two times `first` up to `last`, which is always among them."""
    found = [first]
    while found[-1] * 2 < last:
        found.append(found[-1] * 2)
    return found if found[-1] >= last else [*found, last]
