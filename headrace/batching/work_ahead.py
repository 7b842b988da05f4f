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

Bucket = tuple[int, int]
"""A level, and the end of a stretch of time that something is due in."""


Work = tuple[Bucket, str, float]
"""Where it waits, whose it is, and its cost."""


class WorkAhead:
    """The cost of what waits, in ns of a run's time."""

    def __init__(self) -> None:
        self.total_ns = 0.0
        self._order: list[Bucket] = []
        self._costs: list[float] = []  # of each bucket, in that order
        self._jobs: list[int] = []
        self._ends: list[float] = []
        self._tenants: dict[str, float] = {}
        self._tenant_jobs: dict[str, int] = {}

    @property
    def tenants(self) -> Collection[str]:
        """Those of whom something waits."""
        return self._tenants.keys()

    def add(self, bucket: Bucket, tenant: str, cost_ns: float) -> None:
        """One more waits."""
        self.total_ns += cost_ns
        order = self._order
        at = bisect_left(order, bucket)
        if at < len(order) and order[at] == bucket:
            self._costs[at] += cost_ns
            self._jobs[at] += 1
        else:
            order.insert(at, bucket)
            self._costs.insert(at, cost_ns)
            self._jobs.insert(at, 1)
            self._ends.insert(at, float("inf") if bucket[1] == FAR else float(bucket[1]))
        self._tenants[tenant] = self._tenants.get(tenant, 0.0) + cost_ns
        self._tenant_jobs[tenant] = self._tenant_jobs.get(tenant, 0) + 1

    def subtract(self, bucket: Bucket, tenant: str, cost_ns: float, jobs: int = 1) -> None:
        """So many that were added wait no longer. Where none is left nothing is, so that rounding does not add up."""
        self.total_ns -= cost_ns
        at = bisect_left(self._order, bucket)
        self._costs[at] -= cost_ns
        self._jobs[at] -= jobs
        if not self._jobs[at]:
            del self._order[at], self._costs[at], self._jobs[at], self._ends[at]
            if not self._order:
                self.total_ns = 0.0
        self._tenants[tenant] -= cost_ns
        self._tenant_jobs[tenant] -= jobs
        if not self._tenant_jobs[tenant]:
            del self._tenants[tenant], self._tenant_jobs[tenant]

    def take(self, works: Iterable[Work]) -> None:
        """As `subtract` for each, in half of the time."""
        order, costs, jobs = self._order, self._costs, self._jobs
        theirs, counts = self._tenants, self._tenant_jobs
        for bucket, tenant, cost_ns in works:
            at = bisect_left(order, bucket)
            self.total_ns -= cost_ns
            costs[at] -= cost_ns
            jobs[at] -= 1
            if not jobs[at]:
                del order[at], costs[at], jobs[at], self._ends[at]
            theirs[tenant] -= cost_ns
            counts[tenant] -= 1
            if not counts[tenant]:
                del theirs[tenant], counts[tenant]
        if not order:
            self.total_ns = 0.0

    @property
    def is_level(self) -> bool:
        """Whether all that waits has the same level."""
        order = self._order
        return not order or order[0][0] == order[-1][0]

    def fair_share_before(self, tenant: str, weights: Mapping[str, float]) -> float:
        """What is served before a newcomer of `tenant` where tenants take turns by weight: all of its own, and of
        each other as much as that tenant may take meanwhile."""
        own = self._tenants.get(tenant, 0.0)
        turns = own / weight_of(tenant, weights)
        return own + sum(
            min(theirs, turns * weight_of(name, weights)) for name, theirs in self._tenants.items() if name != tenant
        )

    def before(self, bucket: Bucket) -> float:
        """What is served before one of this bucket, in order of urgency."""
        order = self._order
        if not order or bucket >= order[-1]:
            return self.total_ns
        return sum(self._costs[: bisect_right(order, bucket)])

    def room_behind(self, bucket: Bucket, start_ns: float) -> float:
        """How much more may come before what is due after this bucket, where all begins at `start_ns`; infinite where
        nothing is. May be negative."""
        order = self._order
        if not order or bucket >= order[-1]:
            return float("inf")
        at = bisect_right(order, bucket)
        ended_ns = accumulate(self._costs[at + 1 :], initial=start_ns + sum(self._costs[: at + 1]))
        room: float = min(map(sub, self._ends[at:], ended_ns))
        return room


def bucket_of(level: int, deadline_ns: int | None, now_ns: int) -> Bucket:
    """The bucket of what is due then; what has no deadline, or a far one, comes last of its level."""
    if deadline_ns is None or deadline_ns - now_ns > FARTHEST_NS:
        return level, FAR
    bits = max(LEAST_BITS, max(deadline_ns - now_ns, 0).bit_length() - FINENESS_BITS)
    return level, ((deadline_ns >> bits) + 1) << bits
