"""How much work stands before a newcomer, and whether those behind it can wait for it. Pure.

Work is counted by level and by when it is due, in buckets of time, so that a question costs as many steps as there are
buckets, however many requests wait. A bucket is the wider the farther it is off, so that there are few of them.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Mapping
from itertools import accumulate
from operator import sub

from headrace.tenants import weight_of

FINENESS_BITS = 5  # a bucket is at most a sixteenth of the time that was left when something entered it
LEAST_BITS = 18  # of its width: 0.26 ms
FARTHEST_NS = 4_000_000_000  # what is due later than this from now is counted with what has no deadline
FAR = 1 << 62
INFINITE = float("inf")

Bucket = tuple[int, int]
"""A level, and the end of a stretch of time that something is due in."""


class Cell:
    """What waits of one bucket; owned by its WorkAhead."""

    __slots__ = ("bucket", "cost_ns", "jobs")

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket
        self.cost_ns = 0.0
        self.jobs = 0


NOWHERE = Cell((0, FAR))

Work = tuple[Cell, str, float]
"""Where it waits, whose it is, and its cost."""


class WorkAhead:
    """The cost of what waits, in ns of a run's time."""

    def __init__(self) -> None:
        self.total_ns = 0.0
        self._order: list[Bucket] = []
        self._cells: list[Cell] = []  # in that order
        self._ends: list[float] = []
        self._read: list[float] | None = []  # the cost of each, when it was last asked for; None: it has changed
        self._tenants: dict[str, float] = {}
        self._tenant_jobs: dict[str, int] = {}

    @property
    def tenants(self) -> Collection[str]:
        """Those of whom something waits."""
        return self._tenants.keys()

    def add(self, bucket: Bucket, tenant: str, cost_ns: float) -> Cell:
        """One more waits; where."""
        self.total_ns += cost_ns
        order, costs = self._order, self._costs
        at = bisect_left(order, bucket)
        if at < len(order) and order[at] == bucket:
            cell = self._cells[at]
            costs[at] += cost_ns
        else:
            cell = Cell(bucket)
            order.insert(at, bucket)
            self._cells.insert(at, cell)
            self._ends.insert(at, INFINITE if bucket[1] == FAR else float(bucket[1]))
            costs.insert(at, cost_ns)
        cell.cost_ns += cost_ns
        cell.jobs += 1
        if tenant in self._tenants:
            self._tenants[tenant] += cost_ns
            self._tenant_jobs[tenant] += 1
        else:
            self._tenants[tenant] = cost_ns
            self._tenant_jobs[tenant] = 1
        return cell

    def take(self, works: Iterable[Work]) -> None:
        """These wait no longer. Where none is left nothing is, so that rounding does not add up."""
        theirs, counts, total_ns = self._tenants, self._tenant_jobs, self.total_ns
        self._read = None
        for cell, tenant, cost_ns in works:
            total_ns -= cost_ns
            cell.cost_ns -= cost_ns
            cell.jobs -= 1
            if not cell.jobs:
                at = bisect_left(self._order, cell.bucket)
                del self._order[at], self._cells[at], self._ends[at]
            theirs[tenant] -= cost_ns
            counts[tenant] -= 1
            if not counts[tenant]:
                del theirs[tenant], counts[tenant]
        self.total_ns = total_ns if self._order else 0.0

    @property
    def _costs(self) -> list[float]:
        costs = self._read
        if costs is None:
            costs = self._read = [cell.cost_ns for cell in self._cells]
        return costs

    @property
    def is_level(self) -> bool:
        """Whether all that waits has the same level."""
        order = self._order
        return not order or order[0][0] == order[-1][0]

    @property
    def least_level(self) -> int:
        """Of what waits, and something does."""
        return self._order[0][0]

    def fair_share_before(self, tenant: str, weights: Mapping[str, float]) -> float:
        """What is served before a newcomer of `tenant` where tenants take turns by weight: all of its own, and of
        each other as much as that tenant may take meanwhile."""
        own = self._tenants.get(tenant, 0.0)
        if not weights:
            return sum([min(theirs, own) for theirs in self._tenants.values()])
        turns = own / weight_of(tenant, weights)
        return sum([min(theirs, turns * weight_of(name, weights)) for name, theirs in self._tenants.items()])

    def around(self, bucket: Bucket, start_ns: float) -> tuple[float, float]:
        """What is served before one of this bucket, in order of urgency; and how much more may come before what is due
        after it, where all begins at `start_ns`: infinite where nothing is, and it may be negative."""
        order = self._order
        if not order or bucket >= order[-1]:
            return self.total_ns, INFINITE
        at, costs = bisect_right(order, bucket), self._costs
        before = sum(costs[:at])
        ended_ns = accumulate(costs[at + 1 :], initial=start_ns + before + costs[at])
        return before, min(map(sub, self._ends[at:], ended_ns))


def bucket_of(level: int, deadline_ns: int | None, now_ns: int) -> Bucket:
    """The bucket of what is due then; what has no deadline, or a far one, comes last of its level."""
    if deadline_ns is None or deadline_ns - now_ns > FARTHEST_NS:
        return level, FAR
    bits = max(LEAST_BITS, max(deadline_ns - now_ns, 0).bit_length() - FINENESS_BITS)
    return level, ((deadline_ns >> bits) + 1) << bits
