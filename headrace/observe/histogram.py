"""How often values fell between fixed bounds: counts that add up over time, servers and versions."""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence
from itertools import accumulate

SECOND = 1_000_000_000

DURATION_BOUNDS_NS = (
    *(step * 10**decade for decade in range(4, 10) for step in (10, 15, 25, 40, 65)),
    100 * SECOND,
)
"""Thirty-one bounds from 100 µs to 100 s, each less than 1.7 times the one before."""

ROW_BOUNDS = tuple(2**power for power in range(13))
"""Batch sizes from 1 to 4096."""


GENERATION_BOUNDS_NS = (
    *(step * 10**decade for decade in range(5, 11) for step in (10, 15, 25, 40, 65)),
    1000 * SECOND,
)
"""Thirty-one bounds from 1 ms to 1000 s, in the same steps: a processor may write at one text for minutes."""

TOKEN_BOUNDS = tuple(2**power for power in range(18))
"""Numbers of tokens from 1 to 131,072."""

CHOICE_BOUNDS = tuple(2**power for power in range(8))
"""Choices of one request from 1 to 128."""


class Histogram:
    """Counts of integers by upper bound (inclusive), and their sum. The last count is of what is over every bound."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[int]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0

    def add(self, values: Collection[int], times: int = 1) -> None:
        """Count each value so many times."""
        bounds, counts, ordered, begin = self.bounds, self.counts, sorted(values), 0
        while begin < len(ordered):  # a bound at a time: in a quarter of what looking for each value's takes
            place = bisect_left(bounds, ordered[begin])
            end = bisect_right(ordered, bounds[place], begin) if place < len(bounds) else len(ordered)
            counts[place] += (end - begin) * times
            begin = end
        self.total += sum(ordered) * times

    def cumulative(self) -> list[int]:
        """How many values were at most each bound, then how many there were."""
        return list(accumulate(self.counts))
