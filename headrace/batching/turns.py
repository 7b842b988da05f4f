"""Whose turn it is: tenants share a model by weight, whatever each asks for. Pure."""

import heapq
from collections.abc import Iterable, Iterator, Mapping

from headrace.batching.job import J, Job
from headrace.batching.queue import Entry
from headrace.tenants import weight_of
from headrace.virtual_counters import VirtualCounters


class Turns(VirtualCounters):
    """Counters of nanoseconds, and the jobs that wait in the order that they say."""

    def ran(self, jobs: Iterable[Job]) -> None:
        """These are run."""
        costs: dict[str, float] = {}
        for job in jobs:
            costs[job.tenant] = costs.get(job.tenant, 0.0) + job.cost_ns
        for tenant, cost_ns in costs.items():
            self.served(tenant, cost_ns)

    def in_order(self, lines: Mapping[str, Iterable[Entry[J]]]) -> Iterator[J]:
        """The jobs of these tenants, each one's given most urgent first: by level, and within it tenant after tenant.
        No more is looked at than is asked for."""
        heap: list[tuple[int, float, str, float, J, Iterator[Entry[J]]]] = []
        for tenant, entries in lines.items():
            line = iter(entries)
            for place, job in line:
                heap.append((place[0], self.of(tenant), tenant, weight_of(tenant, self.weights), job, line))
                break
        heapq.heapify(heap)  # tenants differ: jobs are never compared
        replace = heapq.heapreplace
        while heap:
            level, served, tenant, weight, job, line = heap[0]
            yield job
            for place, after in line:
                so_far = served + job.cost_ns / weight if place[0] == level else self.of(tenant)
                replace(heap, (place[0], so_far, tenant, weight, after, line))
                break
            else:
                heapq.heappop(heap)
