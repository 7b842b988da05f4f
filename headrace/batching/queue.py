"""Requests that wait, most urgent first, by what may share a run and by length. No clock, no I/O."""

import itertools
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Generic

from headrace.batching.check import Key
from headrace.batching.job import J, Place
from headrace.batching.work_ahead import WorkAhead

Entry = tuple[int, int, int, J]
"""A job behind its place: no two places are equal, so that jobs are never compared."""

Classes = dict[int, list[Entry[J]]]
"""A tenant's entries by class of length, most urgent first within each."""

FEW = 64  # that are gone may be kept among those that wait, and as many more as wait


class Group(Generic[J]):
    """Waiting jobs of one key, most urgent first within each class of length of each tenant."""

    __slots__ = ("_counts", "classes", "lines", "rows", "total_rows")

    def __init__(self) -> None:
        self.lines: dict[str, Classes[J]] = {}  # by tenant
        self.classes: list[int] = []  # of which something waits, the shortest first
        self.rows: dict[int, int] = {}  # by class
        self.total_rows = 0
        self._counts: dict[int, int] = {}  # of jobs, by class

    def head(self) -> J:
        """The most urgent."""
        return min([entries[0] for classes in self.lines.values() for entries in classes.values()])[3]

    def add(self, entry: Entry[J]) -> None:
        """It waits, at its place."""
        job = entry[3]
        length_class = job.length_class
        self.total_rows += job.rows
        classes = self.lines.get(job.tenant)
        if classes is None:
            classes = self.lines[job.tenant] = {}
        entries = classes.get(length_class)
        if entries is None:
            classes[length_class] = [entry]
        else:
            insort(entries, entry)
        if length_class in self.rows:
            self.rows[length_class] += job.rows
            self._counts[length_class] += 1
        else:
            self.rows[length_class] = job.rows
            self._counts[length_class] = 1
            insort(self.classes, length_class)

    def take(self, jobs: Sequence[J]) -> None:
        """They wait no longer; quick where each is the most urgent of its tenant and class by then."""
        lines, rows, counts = self.lines, self.rows, self._counts
        self.total_rows -= sum([job.rows for job in jobs])
        for job in jobs:
            length_class, tenant = job.length_class, job.tenant
            classes = lines[tenant]
            entries = classes[length_class]
            del entries[0 if entries[0][3] is job else bisect_left(entries, job.place)]
            if not entries:
                del classes[length_class]
                if not classes:
                    del lines[tenant]
            rows[length_class] -= job.rows
            counts[length_class] -= 1
            if not counts[length_class]:
                del rows[length_class], counts[length_class]
                self.classes.remove(length_class)


class Queue(Generic[J]):
    """Waiting jobs. Those of a higher priority come first, then those that are due sooner."""

    def __init__(self) -> None:
        self.groups: dict[Key, Group[J]] = {}
        self.num_bytes = 0
        self.rows = 0
        self.work = WorkAhead()
        self._count = 0
        self._arrivals: deque[Entry[J]] = deque()  # in order of arrival; those that are gone are passed over
        self._deadlines: list[tuple[int, int, J]] = []  # what is due first comes last; the same holds here
        self._numbers = itertools.count(1)

    def first_of(self, tenant: str) -> J:
        """The most urgent of a tenant's jobs. Raises ValueError where none waits."""
        firsts: list[Entry[J]] = []
        for group in self.groups.values():
            classes = group.lines.get(tenant)
            if classes:
                firsts += [entries[0] for entries in classes.values()]
        return min(firsts)[3]

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[J]:
        """What waits, in order of arrival."""
        return (entry[3] for entry in self._arrivals if _waits(entry))

    def push(self, job: J, order_ns: int) -> None:
        """Let it wait at its place: by level, then by `order_ns`. Its bucket, tenant and cost must stay as they are."""
        number = next(self._numbers)
        entry = self._entered(job, (job.level, order_ns, number))
        self._arrivals.append(entry)

    def push_front(self, job: J) -> None:
        """Before all others: for what had its turn and lost it."""
        number = -next(self._numbers)
        entry = self._entered(job, (0, number, number))
        self._arrivals.appendleft(entry)

    def remove(self, job: J) -> None:
        """Take one out wherever it stands; nothing happens where it is not queued."""
        if job.queued:
            self.take((job,))

    def take(self, jobs: Sequence[J]) -> None:
        """Take out jobs of one key that all wait."""
        key = jobs[0].key
        for job in jobs:
            job.queued = False
        self._count -= len(jobs)
        self.num_bytes -= sum([job.num_bytes for job in jobs])
        self.rows -= sum([job.rows for job in jobs])
        self.work.take([(job.cell, job.tenant, job.cost_ns) for job in jobs])
        group = self.groups[key]
        group.take(jobs)
        if not group.lines:
            del self.groups[key]
        if not self._count:  # who is gone is let go at once: it holds its tensors, and by its caller the whole model
            self._arrivals.clear()
            self._deadlines.clear()

    def oldest(self) -> J:
        """The one that has waited longest. Raises IndexError where nothing waits."""
        arrivals = self._arrivals
        while not _waits(arrivals[0]):
            arrivals.popleft()
        return arrivals[0][3]

    @property
    def least_level(self) -> int:
        """That any job waits at. The queue is not empty."""
        return min(self.work.least_level, self.oldest().place[0])  # what lost its turn is at the front

    def first_due(self) -> J | None:
        """The one with the earliest deadline; None where nothing that waits has one."""
        deadlines = self._deadlines
        while deadlines:
            job = deadlines[-1][2]
            if job.queued:
                return job
            deadlines.pop()
        return None

    def clear(self) -> list[J]:
        """Everything that waits, in order of arrival; nothing waits afterwards."""
        jobs = list(self)
        for job in jobs:
            self.remove(job)
        return jobs

    def _entered(self, job: J, place: Place) -> Entry[J]:
        job.queued = True
        job.place = place
        entry = (*place, job)
        self.num_bytes += job.num_bytes
        self.rows += job.rows
        self._count += 1
        job.cell = self.work.add(job.bucket, job.tenant, job.cost_ns)
        group = self.groups.get(job.key)
        if group is None:
            group = self.groups[job.key] = Group()
        group.add(entry)
        if len(self._arrivals) > 2 * self._count + FEW:
            self._arrivals = deque(each for each in self._arrivals if _waits(each))
        if job.deadline_ns is not None:
            if len(self._deadlines) > 2 * self._count + FEW:
                self._deadlines = [each for each in self._deadlines if each[2].queued]
            insort(self._deadlines, (-job.deadline_ns, -place[2], job))
        return entry


def _waits(entry: Entry[J]) -> bool:
    """Whether it still does, and did not come back to another place."""
    job = entry[3]
    return job.queued and job.place[2] == entry[2]
