"""Whose turn it is: tenants share a model by weight, whatever each asks for. Pure."""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from headrace.batching.job import J, Job
from headrace.batching.queue import Entries, Entry
from headrace.tenants import weight_of
from headrace.virtual_counters import VirtualCounters

Turn = tuple[int, float, str, Iterator[Entry[J]] | None]
"""Of one tenant: the least level that its next entry may have, what it will have been served, its name, and its entries
from that one on; None where nobody has looked yet."""


class Turns(VirtualCounters):
    """Counters of nanoseconds, and the jobs that wait in the order that they say."""

    def ran(self, jobs: Iterable[Job]) -> None:
        """These are run."""
        costs: dict[str, float] = {}
        for job in jobs:
            costs[job.tenant] = costs.get(job.tenant, 0.0) + job.cost_ns
        for tenant, cost_ns in costs.items():
            self.served(tenant, cost_ns)

    def in_order(self, bins: Sequence[Entries[J]], level: int) -> Iterator[J]:
        """The jobs of these bins, each tenant's most urgent first: by level, and within it tenant after tenant.

        All have this `level` at least. No more is looked at than is asked for.
        """
        tenants: set[str] = set().union(*bins)
        if len(tenants) == 1:
            for each in _merged(bins, *tenants):
                yield each[3]
            return
        so_far, weights, replace = self.so_far, self.weights, heapq.heapreplace
        heap: list[Turn[J]] = [(level, so_far[tenant], tenant, None) for tenant in tenants]
        heapq.heapify(heap)  # tenants differ: nothing behind them is compared
        while heap:
            level, served, tenant, line = heap[0]
            if line is None:
                line = iter(_merged(bins, tenant))
            entry = next(line, None)
            if entry is None:
                heapq.heappop(heap)
            elif entry[0] > level:
                replace(heap, (entry[0], so_far[tenant], tenant, chain((entry,), line)))
            else:
                job = entry[3]
                yield job
                cost_ns = job.cost_ns / weight_of(tenant, weights) if weights else job.cost_ns
                replace(heap, (level, served + cost_ns, tenant, line))


def _merged(bins: Sequence[Entries[J]], tenant: str) -> Iterable[Entry[J]]:
    """What waits of a tenant there, most urgent first."""
    lines = [entries[tenant] for entries in bins if tenant in entries]
    return lines[0] if len(lines) == 1 else heapq.merge(*lines)
