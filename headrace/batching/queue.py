"""Requests that wait, most urgent first, by what may share a run and by length. No clock, no I/O."""

import itertools
from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Generic

from headrace.batching.check import Key
from headrace.batching.job import J, Job
from headrace.batching.work_ahead import WorkAhead

Entry = tuple[int, int, int, J]
"""A job behind its place: no two places are equal, so that jobs are never compared."""

Entries = dict[str, list[Entry[J]]]
"""Those of each tenant, most urgent first."""

_key = attrgetter("key")

FEW = 64  # that are gone may be kept among those that wait, and as many more as wait; twice that until there is time


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

    def in_one_line(self) -> list[J]:
        """All of them, the most urgent first, where they are of one tenant and one class; else none."""
        if len(self.classes) > 1 or len(self.tenants) > 1:
            return []
        (its,) = self.bins.values()
        (entries,) = its.entries.values()
        return [entry[3] for entry in entries]

    def within(self, shortest: int, longest: int) -> list[Entries[J]]:
        """What waits of each of these classes, both included."""
        classes, bins = self.classes, self.bins
        among = classes[bisect_left(classes, shortest) : bisect_right(classes, longest)]
        return [bins[each].entries for each in among]

    def add(self, new: list[Entry[J]], rows: int) -> None:
        """They wait, each at its place: all of one tenant and one class, of so many `rows` together."""
        job = new[0][3]
        self.total_rows += rows
        its = self.bins.get(job.length_class)
        if its is None:
            its = self.bins[job.length_class] = Bin()
            insort(self.classes, job.length_class)
        its.rows += rows
        entries = its.entries.get(job.tenant)
        if entries is None:
            its.entries[job.tenant] = self.tenants.setdefault(job.tenant, {})[job.length_class] = sorted(new)
        else:
            for entry in new:
                insort(entries, entry)

    def take(self, jobs: Iterable[J]) -> None:
        """They wait no longer; quick where each is the most urgent of its tenant and class by then."""
        bins, total_rows = self.bins, self.total_rows
        for job in jobs:
            its, rows = bins[job.length_class], job.rows
            entries = its.entries[job.tenant]
            del entries[0 if entries[0][3] is job else bisect_left(entries, job.place)]
            its.rows -= rows
            total_rows -= rows
            if not entries:
                self._drop(its, job.length_class, job.tenant)
        self.total_rows = total_rows

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
    """Waiting jobs. Those of a higher priority come first, then those that are due sooner.

    Jobs that are alike and come one after the other are entered together, once somebody looks: mostly they are taken
    together as well.
    """

    def __init__(self) -> None:
        self.num_bytes = 0
        self.rows = 0
        self._groups: dict[Key, Group[J]] = {}
        self._work = WorkAhead()
        self._new: list[Entry[J]] = []  # of one key, class, tenant and bucket, that are in neither yet
        self.num_jobs = 0  # that wait
        self._arrivals: deque[Entry[J]] = deque()  # in order of arrival; those that are gone are passed over
        self._dated: list[Entry[J]] = []  # what has a deadline, the earliest first; the same holds here
        self._deadlines: list[int] = []  # of these: numbers are found quicker than entries
        self._numbers = itertools.count(1)

    @property
    def groups(self) -> Mapping[Key, Group[J]]:
        """What waits, by what may share a run."""
        if self._new:
            self._enter()
        return self._groups

    @property
    def work(self) -> WorkAhead:
        """How much of it there is."""
        if self._new:
            self._enter()
        return self._work

    def has(self, tenant: str) -> bool:
        """Whether anything of a tenant waits."""
        return tenant in self._work.tenants or (bool(self._new) and self._new[0][3].tenant == tenant)

    def first_of(self, tenant: str) -> J:
        """The most urgent of a tenant's jobs. Raises ValueError where none waits."""
        firsts: list[Entry[J]] = []
        for group in self.groups.values():
            classes = group.tenants.get(tenant)
            if classes:
                firsts += [entries[0] for entries in classes.values()]
        return min(firsts)[3]

    def __len__(self) -> int:
        return self.num_jobs

    def __iter__(self) -> Iterator[J]:
        """What waits, in order of arrival."""
        for entry in self._arrivals:
            if _waits(entry):
                yield entry[3]

    def push(self, job: J, order_ns: int) -> None:
        """Let it wait at its place: by level, then by `order_ns`. Its bucket, tenant and cost must stay as they are."""
        entry = self._placed(job, job.level, order_ns, next(self._numbers))
        self._arrivals.append(entry)
        if self._new and not _alike(self._new[0][3], job):
            self._enter()
        self._new.append(entry)

    def push_front(self, job: J) -> None:
        """Before all others: for what had its turn and lost it."""
        number = -next(self._numbers)
        entry = self._placed(job, 0, number, number)
        self._arrivals.appendleft(entry)
        if self._new:
            self._enter()
        self._new.append(entry)

    def remove(self, job: J) -> None:
        """Take one out wherever it stands; nothing happens where it is not queued."""
        if job.queued:
            self.take((job,))

    def take(self, jobs: Sequence[J]) -> int:
        """Take out jobs that all wait; how many rows they have."""
        num_bytes = rows = 0
        for job in jobs:
            job.queued = False
            num_bytes += job.num_bytes
            rows += job.rows
        if len(jobs) == self.num_jobs:
            self._emptied()
            return rows
        groups = self.groups
        self.num_jobs -= len(jobs)
        self.num_bytes -= num_bytes
        self.rows -= rows
        self._work.take(jobs)
        if len(groups) == 1:
            (key,) = groups
            self._take(key, jobs)
        else:
            for key, theirs in itertools.groupby(jobs, _key):
                self._take(key, theirs)
        if self._kept > 2 * (2 * self.num_jobs + FEW):
            self._let_go()
        return rows

    def _take(self, key: Key, jobs: Iterable[J]) -> None:
        group = self._groups[key]
        group.take(jobs)
        if not group.bins:
            del self._groups[key]

    def _emptied(self) -> None:
        """All that waited is taken, as mostly: nobody has to be found."""
        self.num_jobs = self.num_bytes = self.rows = 0
        self._new.clear()
        self._arrivals.clear()
        if self._groups:
            self._groups.clear()
            self._work.clear()
        if self._dated:
            self._dated.clear()
            self._deadlines.clear()

    @property
    def _kept(self) -> int:
        """What waits, and what is gone and not passed over yet."""
        return max(len(self._arrivals), len(self._dated))

    def _let_go(self) -> None:
        """Of what is gone: it holds its tensors, and by its caller the whole model."""
        self._arrivals = deque([each for each in self._arrivals if _waits(each)])
        self._dated = [each for each in self._dated if _waits(each)]
        self._deadlines = [each[3].due_ns for each in self._dated]

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
        dated, passed = self._dated, 0
        for entry in dated:
            if _waits(entry):
                break
            passed += 1
        if passed:
            del dated[:passed], self._deadlines[:passed]
        return dated[0][3] if dated else None

    def by_deadline(self) -> Iterator[J]:
        """What waits and has a deadline, the earliest first; nothing may come or go meanwhile."""
        for entry in self._dated:
            if _waits(entry):
                yield entry[3]

    def forget(self) -> None:
        """Let go of what is gone while nobody waits for a decision, so that decisions need not."""
        if self._kept > 2 * self.num_jobs + FEW:
            self._let_go()
        elif self.num_jobs:
            self.oldest()
            if self.first_due():
                self.work.reckon()

    def clear(self) -> list[J]:
        """Everything that waits, in order of arrival; nothing waits afterwards."""
        jobs = list(self)
        for job in jobs:
            self.remove(job)
        return jobs

    def _placed(self, job: J, level: int, order_ns: int, number: int) -> Entry[J]:
        job.queued = True
        job.place = level, order_ns, number
        entry = level, order_ns, number, job
        self.num_bytes += job.num_bytes
        self.rows += job.rows
        self.num_jobs += 1
        if job.deadline_ns is not None:
            deadline, deadlines = job.deadline_ns, self._deadlines
            # Of two equal ones the one that comes first at its place counts as earlier.
            at = bisect_right(deadlines, deadline) if number > 0 else bisect_left(deadlines, deadline)
            deadlines.insert(at, deadline)
            self._dated.insert(at, entry)
        return entry

    def _enter(self) -> None:
        """What is new, and something is."""
        new, self._new = self._new, []
        job = new[0][3]
        rows, cost_ns = job.rows, job.cost_ns
        if len(new) > 1:
            rows = sum([entry[3].rows for entry in new])
            cost_ns = sum([entry[3].cost_ns for entry in new])
        group = self._groups.get(job.key)
        if group is None:
            group = self._groups[job.key] = Group()
        group.add(new, rows)
        cell = self._work.add(job.bucket, job.tenant, cost_ns, len(new))
        for entry in new:
            entry[3].cell = cell


def _alike(one: Job, other: Job) -> bool:
    """Whether they are counted in the same places."""
    return (
        one.bucket == other.bucket
        and one.tenant == other.tenant
        and one.length_class == other.length_class
        and one.key == other.key
    )


def _waits(entry: Entry[J]) -> bool:
    """Whether it still does, and did not come back to another place."""
    job = entry[3]
    return job.queued and job.place[2] == entry[2]
