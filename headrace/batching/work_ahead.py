"""How much work stands before a newcomer, and whether those behind it can wait for it. Pure.

Work is counted by level and by when it is due, in buckets of time, so that a question costs as many steps as there are
buckets, however many requests wait. A bucket is the wider the farther it is off, so that there are few of them.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import accumulate
from operator import sub
from typing import Protocol

from headrace.tenants import weight_of
from headrace.virtual_counters import VirtualCounters

FINENESS_BITS = 5  # a bucket is at most a sixteenth of the time that was left when something entered it
LEAST_BITS = 18  # of its width: 0.26 ms
LEAST_NS = 1 << (LEAST_BITS + FINENESS_BITS)  # of time left, from which on one is wider
FARTHEST_NS = 4_000_000_000  # what is due later than this from now is counted with what has no deadline
FAR = 1 << 62
INFINITE = float("inf")
LEVEL_BITS = 63  # of a bucket, below its level
END = (1 << LEVEL_BITS) - 1  # what they hold

Bucket = int
"""A level, and below it the end of a stretch of time that something is due in: in one number, for it is found quicker
than a pair."""


class Cell:
    """What waits of one bucket; owned by its WorkAhead."""

    __slots__ = ("bucket", "cost_ns", "jobs")

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket
        self.cost_ns = 0.0
        self.jobs = 0


NOWHERE = Cell(FAR)


class Work(Protocol):
    """Something that waits."""

    @property
    def cell(self) -> Cell:
        """Where it is counted."""
        ...

    @property
    def tenant(self) -> str: ...

    @property
    def cost_ns(self) -> float: ...


class WorkAhead:
    """The cost of what waits, in ns of a run's time."""

    def __init__(self) -> None:
        self.total_ns = 0.0
        self._order: list[Bucket] = []
        self._cells: list[Cell] = []  # in that order
        self._ends: list[float] = []
        self._left: list[float] | None = None  # of each, when it and all before it are done; None: yet to be reckoned
        self._later_ns = 0.0  # so much less is left of each
        self._costs: dict[str, float] = {}  # of what waits of each tenant
        self._counts: dict[str, int] = {}
        self.tenants = self._costs.keys()
        """Those of whom something waits."""

    def add(self, bucket: Bucket, tenant: str, cost_ns: float, jobs: int = 1) -> Cell:
        """So many more wait, that cost so much together; where."""
        self.total_ns += cost_ns
        order, left, costs = self._order, self._left, self._costs
        at = bisect_left(order, bucket)
        if at == len(order) or order[at] != bucket:
            self._begin(at, bucket)
        cell = self._cells[at]
        cell.cost_ns += cost_ns
        cell.jobs += jobs
        if left is not None:
            # As much less is left from there on, or as much more before, whichever is quicker to write.
            if 2 * at > len(left):
                left[at:] = [each - cost_ns for each in left[at:]]
            else:
                left[:at] = [each + cost_ns for each in left[:at]]
                self._later_ns += cost_ns
        if tenant in costs:
            costs[tenant] += cost_ns
            self._counts[tenant] += jobs
        else:
            costs[tenant] = cost_ns
            self._counts[tenant] = jobs
        return cell

    def take(self, works: Iterable[Work]) -> None:
        """These wait no longer. Where none is left nothing is, so that rounding does not add up."""
        costs, counts, total_ns = self._costs, self._counts, self.total_ns
        self._left = None
        for work in works:
            cell, tenant, cost_ns = work.cell, work.tenant, work.cost_ns
            total_ns -= cost_ns
            cell.cost_ns -= cost_ns
            cell.jobs -= 1
            if not cell.jobs:
                at = bisect_left(self._order, cell.bucket)
                del self._order[at], self._cells[at], self._ends[at]
            left = counts[tenant] - 1
            if left:
                costs[tenant] -= cost_ns
                counts[tenant] = left
            else:
                del costs[tenant], counts[tenant]
        self.total_ns = total_ns if self._order else 0.0

    def clear(self) -> None:
        """Nothing waits."""
        self._order.clear()
        self._cells.clear()
        self._ends.clear()
        self._costs.clear()
        self._counts.clear()
        self._left, self.total_ns = None, 0.0

    @property
    def is_level(self) -> bool:
        """Whether all that waits has the same level."""
        order = self._order
        return not order or order[0] >> LEVEL_BITS == order[-1] >> LEVEL_BITS

    @property
    def least_level(self) -> int:
        """Of what waits, and something does."""
        return self._order[0] >> LEVEL_BITS

    def has_share(self, tenant: str) -> bool:
        """Whether a tenant has as many of those that wait as if all tenants had equally many."""
        counts = self._counts
        return counts.get(tenant, 0) * len(counts) >= sum(counts.values()) > 0

    def fair_share_before(self, tenant: str, turns: VirtualCounters) -> float:
        """What is served before a newcomer of `tenant` where tenants take `turns` by weight: all of its own, and of
        each other as much as that tenant may take until then, of which the last one may go beyond."""
        own, weights, so_far, counts = self._costs.get(tenant, 0.0), turns.weights, turns.so_far, self._counts
        until = so_far[tenant] if own else turns.begins(tenant, self.tenants)
        until += own / weight_of(tenant, weights) if weights else own
        before = own
        for name, theirs in self._costs.items():
            turn = until - so_far[name]
            if turn < 0.0 or name == tenant:
                continue
            if weights:
                turn *= weight_of(name, weights)
            turn += theirs / counts[name]
            before += theirs if theirs < turn else turn
        return before

    def around(self, bucket: Bucket, start_ns: float) -> tuple[float, float]:
        """What is served before one of this bucket, in order of urgency; and how much more may come before what is due
        after it, where all begins at `start_ns`: infinite where nothing is, and it may be negative."""
        order = self._order
        if not order or bucket >= order[-1]:
            return self.total_ns, INFINITE
        left = self._left or self.reckon()
        at, later_ns = bisect_right(order, bucket), self._later_ns
        end_ns = self._ends[at - 1] if at else INFINITE
        before = end_ns - left[at - 1] + later_ns if end_ns < INFINITE else self._before(at)
        return before, min(left[at:]) - later_ns - start_ns

    def reckon(self) -> list[float]:
        """Have what is left ready for whoever asks next; the same as long as nothing is taken."""
        if self._left is None:
            self._left = [*map(sub, self._ends, accumulate([cell.cost_ns for cell in self._cells]))]
            self._later_ns = 0.0
        return self._left

    def _before(self, at: int) -> float:
        """What is served before the bucket at this place."""
        return sum([cell.cost_ns for cell in self._cells[:at]])

    def _begin(self, at: int, bucket: Bucket) -> None:
        """A bucket in which nothing waits yet has this place among the others."""
        end_ns = INFINITE if bucket & END == FAR else float(bucket & END)
        if self._left is not None:
            self._left.insert(at, end_ns - self._before(at) + self._later_ns)
        self._order.insert(at, bucket)
        self._cells.insert(at, Cell(bucket))
        self._ends.insert(at, end_ns)


def due_by(level: int, end_ns: int) -> Bucket:
    """Of a level and the end of a stretch; `FAR` where that has none."""
    return level << LEVEL_BITS | end_ns


def bucket_of(level: int, deadline_ns: int | None, now_ns: int) -> Bucket:
    """The bucket of what is due then; what has no deadline, or a far one, comes last of its level."""
    if deadline_ns is None:
        return due_by(level, FAR)
    left_ns = deadline_ns - now_ns
    if left_ns > FARTHEST_NS:
        return due_by(level, FAR)
    bits = left_ns.bit_length() - FINENESS_BITS if left_ns >= LEAST_NS else LEAST_BITS
    return level << LEVEL_BITS | ((deadline_ns >> bits) + 1) << bits
