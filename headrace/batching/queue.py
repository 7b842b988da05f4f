"""Requests that wait, most urgent first, by what may share a run and by length. No clock, no I/O."""

import itertools
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Generic

from headrace.batching.check import Key
from headrace.batching.job import J, Job, Place
from headrace.batching.work_ahead import WorkAhead

Entry = tuple[int, int, int, J]
"""A job behind its place: no two places are equal, so that jobs are never compared."""

Entries = dict[str, list[Entry[J]]]
"""Those of each tenant, most urgent first."""

FEW = 64  # that are gone may be kept among those that wait, and as many more as wait


class Bin(Generic[J]):
    """Waiting jobs of one key and one class of length."""

    __slots__ = ("entries", "rows")

    def __init__(self) -> None:
        self.entries: Entries[J] = {}
        self.rows = 0


class Group(Generic[J]):
    """Waiting jobs of one key. The same lists are found in two ways: by length, since a run is of one class or a few,
    and whoever has nothing there need not be looked at; and by tenant, for what is most urgent of it."""

    __slots__ = ("bins", "classes", "tenants", "total_rows")

    def __init__(self) -> None:
        self.bins: dict[int, Bin[J]] = {}  # by class of length
        self.classes: list[int] = []  # of these, the shortest first
        self.tenants: dict[str, dict[int, list[Entry[J]]]] = {}  # what each has of each class
        self.total_rows = 0

    def head(self) -> J:
        """The most urgent."""
        return min([entries[0] for classes in self.tenants.values() for entries in classes.values()])[3]

    def within(self, shortest: int, longest: int) -> list[Entries[J]]:
        """What waits of each of these classes, both included."""
        return [self.bins[each].entries for each in self.classes if shortest <= each <= longest]

    def add(self, entry: Entry[J]) -> None:
        """It waits, at its place."""
        job = entry[3]
        length_class, tenant = job.length_class, job.tenant
        self.total_rows += job.rows
        its = self.bins.get(length_class)
        if its is None:
            its = self.bins[length_class] = Bin()
            insort(self.classes, length_class)
        its.rows += job.rows
        entries = its.entries.get(tenant)
        if entries is None:
            its.entries[tenant] = self.tenants.setdefault(tenant, {})[length_class] = [entry]
        else:
            insort(entries, entry)

    def take(self, jobs: Iterable[J]) -> None:
        """They wait no longer; quick where each is the most urgent of its tenant and class by then."""
        bins = self.bins
        for job in jobs:
            its = bins[job.length_class]
            entries = its.entries[job.tenant]
            del entries[0 if entries[0][3] is job else bisect_left(entries, job.place)]
            its.rows -= job.rows
            self.total_rows -= job.rows
            if not entries:
                self._drop(its, job.length_class, job.tenant)

    def _drop(self, its: Bin[J], length_class: int, tenant: str) -> None:
        """Nothing of this tenant waits there any more."""
        del its.entries[tenant]
        if not its.entries:
            del self.bins[length_class]
            self.classes.remove(length_class)
        classes = self.tenants[tenant]
        del classes[length_class]
        if not classes:
            del self.tenants[tenant]


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
            classes = group.tenants.get(tenant)
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
        """Take out jobs that all wait."""
        for job in jobs:
            job.queued = False
        self._count -= len(jobs)
        self.num_bytes -= sum([job.num_bytes for job in jobs])
        self.rows -= sum([job.rows for job in jobs])
        self.work.take([(job.cell, job.tenant, job.cost_ns) for job in jobs])
        for key, theirs in itertools.groupby(jobs, _key):
            group = self.groups[key]
            group.take(theirs)
            if not group.bins:
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

    def by_deadline(self) -> Iterator[J]:
        """What waits and has a deadline, the earliest first; nothing may come or go meanwhile."""
        if self.first_due() is None:
            return iter(())
        return (job for _, number, job in reversed(self._deadlines) if job.queued and job.place[2] == -number)

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


def _key(job: Job) -> Key:
    return job.key
