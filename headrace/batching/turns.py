"""Whose turn it is: tenants share a model by weight, whatever each asks for. Pure.

Virtual token counters: Sheng et al., Fairness in Serving Large Language Models, OSDI 2024.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping

from headrace.batching.job import J
from headrace.batching.queue import Entry
from headrace.tenants import weight_of

MOST_TENANTS = 10_000  # whose turns are remembered; the oldest are forgotten, and begin as if they were new


class Turns:
    """What each tenant was served, over its weight. The one that had least is next."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        self.weights = weights
        self._served: dict[str, float] = {}

    def came(self, tenant: str, waiting: Iterable[str]) -> None:
        """A tenant of which nothing waited asks for something: what it left unused before is lost."""
        least = min([self._served.get(other, 0.0) for other in waiting], default=0.0)
        before = self._served.pop(tenant, 0.0)
        if len(self._served) >= MOST_TENANTS:
            del self._served[next(iter(self._served))]
        self._served[tenant] = max(before, least)

    def served(self, tenant: str, cost_ns: float) -> None:
        """Something of it is run."""
        self._served[tenant] = self._served.get(tenant, 0.0) + cost_ns / weight_of(tenant, self.weights)

    def next(self, tenants: Iterable[str]) -> list[str]:
        """These tenants, the one whose turn it is first."""
        return sorted(tenants, key=lambda tenant: self._served.get(tenant, 0.0))

    def in_order(self, lines: Mapping[str, Iterable[Entry[J]]]) -> Iterator[J]:
        """The jobs of these tenants, each one's given most urgent first: by level, and within it tenant after tenant.
        No more is looked at than is asked for."""
        heap: list[tuple[int, float, str, J, Iterator[Entry[J]]]] = []
        for tenant, entries in lines.items():
            line = iter(entries)
            for place, job in line:
                heap.append((place[0], self._served.get(tenant, 0.0), tenant, job, line))
                break
        heapq.heapify(heap)  # tenants differ: jobs are never compared
        while heap:
            level, served, tenant, job, line = heap[0]
            yield job
            for place, after in line:
                weighed = job.cost_ns / weight_of(tenant, self.weights)
                so_far = served + weighed if place[0] == level else self._served.get(tenant, 0.0)
                heapq.heapreplace(heap, (place[0], so_far, tenant, after, line))
                break
            else:
                heapq.heappop(heap)
