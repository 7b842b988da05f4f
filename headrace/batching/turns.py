"""Whose turn it is: tenants share a model by weight, whatever each asks for. Pure."""

import heapq
from collections.abc import Iterable, Iterator, Sequence

from headrace.batching.job import J, Job
from headrace.batching.queue import Entries, Entry
from headrace.tenants import weight_of
from headrace.virtual_counters import VirtualCounters

Turn = tuple[int, float, str, Iterator[Entry[J]] | None, Entry[J] | None]
"""Of one tenant: level, what it will have been served, its name, its entries from the second on, and the first; no
entries where nobody has looked yet."""


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
        tenants = set[str]().union(*bins)
        if len(tenants) == 1:
            for each in _merged(bins, *tenants):
                yield each[3]
            return
        of, weights, replace = self.of, self.weights, heapq.heapreplace
        heap: list[Turn[J]] = [(level, of(tenant), tenant, None, None) for tenant in tenants]
        heapq.heapify(heap)  # tenants differ: nothing behind them is compared
        while heap:
            level, served, tenant, line, entry = heap[0]
            if line is None:
                line = iter(_merged(bins, tenant))
                entry = next(line)
                if entry[0] > level:
                    replace(heap, (entry[0], served, tenant, line, entry))
                    continue
            if entry is None:
                heapq.heappop(heap)
                continue
            job = entry[3]
            yield job
            entry = next(line, None)
            if entry is None or entry[0] == level:
                so_far = served + job.cost_ns / (weight_of(tenant, weights) if weights else 1.0)
                replace(heap, (level, so_far, tenant, line, entry))
            else:
                replace(heap, (entry[0], of(tenant), tenant, line, entry))


def _merged(bins: Sequence[Entries[J]], tenant: str) -> Iterable[Entry[J]]:
    """What waits of a tenant there, most urgent first."""
    lines = [entries[tenant] for entries in bins if tenant in entries]
    return lines[0] if len(lines) == 1 else heapq.merge(*lines)
