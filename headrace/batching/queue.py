"""Requests that wait, most urgent first, by what may share a run and by length. No clock, no I/O."""

import heapq
import itertools
from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Generic

from headrace.batching.check import Key
from headrace.batching.job import J, Place
from headrace.batching.work_ahead import WorkAhead

Entry = tuple[Place, J]


class Group(Generic[J]):
    """Waiting jobs of one key, most urgent first within each class of length of each tenant."""

    __slots__ = ("_counts", "lines", "rows", "total_rows")

    def __init__(self) -> None:
        self.lines: dict[str, dict[int, list[Entry[J]]]] = {}  # by tenant and class
        self.rows: dict[int, int] = {}  # by class
        self.total_rows = 0
        self._counts: dict[int, int] = {}  # of jobs, by class

    def head(self) -> J:
        """The most urgent."""
        firsts = [entries[0] for classes in self.lines.values() for entries in classes.values()]
        return min(firsts)[1]  # places differ: jobs are never compared

    def within(self, shortest: int, longest: int) -> dict[str, list[list[Entry[J]]]]:
        """What waits in these classes, both included: each tenant's, a list for each class."""
        return {
            tenant: [entries for each, entries in classes.items() if shortest <= each <= longest]
            for tenant, classes in self.lines.items()
        }

    def add(self, job: J) -> None:
        """It waits, at its place."""
        length_class = job.length_class
        self.total_rows += job.rows
        classes = self.lines.get(job.tenant)
        if classes is None:
            classes = self.lines[job.tenant] = {}
        entries = classes.get(length_class)
        if entries is None:
            classes[length_class] = [(job.place, job)]
        else:
            insort(entries, (job.place, job))
        self.rows[length_class] = self.rows.get(length_class, 0) + job.rows
        self._counts[length_class] = self._counts.get(length_class, 0) + 1

    def remove(self, job: J) -> None:
        """It waits no longer."""
        length_class = job.length_class
        self.total_rows -= job.rows
        classes = self.lines[job.tenant]
        entries = classes[length_class]
        del entries[bisect_left(entries, (job.place, job))]
        if not entries:
            del classes[length_class]
            if not classes:
                del self.lines[job.tenant]
        self.rows[length_class] -= job.rows
        self._counts[length_class] -= 1
        if not self._counts[length_class]:
            del self.rows[length_class], self._counts[length_class]

    def drop(self, tenant: str, length_class: int, count: int, rows: int) -> None:
        """Those of a tenant and class that are no longer queued wait no longer: so many, which have so many rows. Most
        urgent first they were taken, so that they are found at the front."""
        classes = self.lines[tenant]
        entries = classes[length_class]
        self._counts[length_class] -= count
        self.rows[length_class] -= rows
        self.total_rows -= rows
        if count == len(entries):
            del classes[length_class]
        else:
            at, left = 0, []
            while count:
                entry = entries[at]
                at += 1
                if entry[1].queued:
                    left.append(entry)
                else:
                    count -= 1
            entries[:at] = left
        if not classes:
            del self.lines[tenant]
        if not self._counts[length_class]:
            del self.rows[length_class], self._counts[length_class]


class Queue(Generic[J]):
    """Waiting jobs. Those of a higher priority come first, then those that are due sooner."""

    def __init__(self) -> None:
        self.groups: dict[Key, Group[J]] = {}
        self.num_bytes = 0
        self.rows = 0
        self.work = WorkAhead()
        self._arrivals: OrderedDict[int, J] = OrderedDict()
        self._deadlines: list[tuple[int, int, J]] = []  # a heap; those no longer queued are passed over
        self._numbers = itertools.count(1)

    def first_of(self, tenant: str) -> J:
        """The most urgent of a tenant's jobs. Raises ValueError where none waits."""
        firsts: list[Entry[J]] = []
        for group in self.groups.values():
            classes = group.lines.get(tenant)
            if classes:
                firsts += [entries[0] for entries in classes.values()]
        return min(firsts)[1]

    def __len__(self) -> int:
        return len(self._arrivals)

    def __iter__(self) -> Iterator[J]:
        """What waits, in order of arrival."""
        return iter(self._arrivals.values())

    def push(self, job: J, order_ns: int) -> None:
        """Let it wait at its place: by level, then by `order_ns`. Its bucket, tenant and cost must stay as they are."""
        number = next(self._numbers)
        self._enter(job, (job.level, order_ns, number))
        self._arrivals[number] = job

    def push_front(self, job: J) -> None:
        """Before all others: for what had its turn and lost it."""
        number = -next(self._numbers)
        self._enter(job, (0, number, number))
        self._arrivals[number] = job
        self._arrivals.move_to_end(number, last=False)

    def remove(self, job: J) -> None:
        """Take one out wherever it stands; nothing happens where it is not queued."""
        if not job.queued:
            return
        job.queued = False
        del self._arrivals[job.place[2]]
        self.num_bytes -= job.num_bytes
        self.work.subtract(job.bucket, job.tenant, job.cost_ns)
        self.rows -= job.rows
        group = self.groups[job.key]
        group.remove(job)
        if not group.lines:
            del self.groups[job.key]

    def take(self, jobs: Sequence[J]) -> None:
        """Take out jobs of one key that all wait: as `remove` for each, in a third of the time."""
        if len(jobs) == 1:
            self.remove(jobs[0])
            return
        group, arrivals = self.groups[jobs[0].key], self._arrivals
        places: dict[tuple[str, int], list[int]] = {}  # rows of each job there
        for job in jobs:
            job.queued = False
            del arrivals[job.place[2]]
            place = job.tenant, job.length_class
            if place in places:
                places[place].append(job.rows)
            else:
                places[place] = [job.rows]
        self.work.take([(job.bucket, job.tenant, job.cost_ns) for job in jobs])
        self.num_bytes -= sum([job.num_bytes for job in jobs])
        self.rows -= sum([job.rows for job in jobs])
        for (tenant, length_class), rows in places.items():
            group.drop(tenant, length_class, len(rows), sum(rows))
        if not group.lines:
            del self.groups[jobs[0].key]

    def oldest(self) -> J:
        """The one that has waited longest. Raises StopIteration where nothing waits."""
        return next(iter(self._arrivals.values()))

    def first_due(self) -> J | None:
        """The one with the earliest deadline; None where nothing that waits has one."""
        heap = self._deadlines
        while heap and not heap[0][2].queued:
            heapq.heappop(heap)
        return heap[0][2] if heap else None

    def clear(self) -> list[J]:
        """Everything that waits, in order of arrival; nothing waits afterwards."""
        jobs = list(self._arrivals.values())
        for job in jobs:
            self.remove(job)
        return jobs

    def _enter(self, job: J, place: Place) -> None:
        job.queued = True
        job.place = place
        self.num_bytes += job.num_bytes
        self.rows += job.rows
        self.work.add(job.bucket, job.tenant, job.cost_ns)
        group = self.groups.get(job.key)
        if group is None:
            group = self.groups[job.key] = Group()
        group.add(job)
        if job.deadline_ns is not None:
            if len(self._deadlines) > 2 * len(self._arrivals) + 64:  # mostly of jobs that are gone
                self._deadlines = [each for each in self._deadlines if each[2].queued]
                heapq.heapify(self._deadlines)
            heapq.heappush(self._deadlines, (job.deadline_ns, id(job), job))
