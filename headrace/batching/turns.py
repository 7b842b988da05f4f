"""Whose turn it is: tenants share a model by weight, whatever each asks for. Pure.

Virtual token counters: Sheng et al., Fairness in Serving Large Language Models, OSDI 2024.
"""

import heapq
from collections.abc import Iterable, Mapping

from headrace.batching.job import J
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

    def in_order(self, jobs: Iterable[J]) -> list[J]:
        """The jobs, given most urgent first, in the order of turns: by level, and within it tenant after tenant."""
        lines: dict[int, dict[str, list[J]]] = {}
        for job in jobs:
            lines.setdefault(job.level, {}).setdefault(job.tenant, []).append(job)
        ordered: list[J] = []
        for level in sorted(lines):
            heap = [(self._served.get(tenant, 0.0), tenant, 0) for tenant in lines[level]]
            heapq.heapify(heap)
            while heap:
                served, tenant, at = heap[0]
                line = lines[level][tenant]
                ordered.append(line[at])
                if at + 1 < len(line):
                    after = served + line[at].cost_ns / weight_of(tenant, self.weights)
                    heapq.heapreplace(heap, (after, tenant, at + 1))
                else:
                    heapq.heappop(heap)
        return ordered
