"""Requests and runs that are counted alike, put together once for all who count them.

By the time that records are handed on they are on no cache any more: what is asked of each is asked here, so that who
counts need not look at it again.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from functools import cached_property
from itertools import groupby
from operator import attrgetter

import msgspec

from headrace.records import BatchRecord, BundleRecord, GenerationRecord, Record, RequestRecord
from headrace.request_list import Opened, Part, all_but, listed, notable_of
from headrace.types import BatchFacts, ModelVersion

_OF = attrgetter("model", "version", "protocol", "error")
_BATCH = attrgetter("batch")
_MODEL = attrgetter("model")
_ROWS = attrgetter("rows")
_TENANT = attrgetter("tenant")

_Of = tuple[str, int | None, str, str]
"""What `_OF` gets of a request: requests that have it in common are alike."""


class Alike(msgspec.Struct, frozen=True, gc=False):
    """Requests of one version, asked for in one way, that ended alike; at least one, oldest first."""

    model: str
    version: int | None  # None where no version was found
    protocol: str
    error: str  # a code of `errors.py`, or empty
    requests: Sequence[RequestRecord]
    took_ns: Sequence[int]  # of each, from its arrival to its end
    waited_ns: Sequence[int]  # of each that was run, for that
    runs: Sequence[tuple[BatchFacts, int]]  # that they were in, and how many of them
    rows: int  # of all
    tenants: Counter[str]  # how many of them are whose
    traced: Sequence[RequestRecord]  # those of them that have a trace
    cached: Sequence[RequestRecord]  # whose model has a response cache


class Runs(msgspec.Struct, frozen=True, gc=False):
    """Runs of one version; at least one, oldest first."""

    model: ModelVersion
    records: Sequence[BatchRecord]


class Lot(msgspec.Struct, frozen=True, gc=False):
    """What was answered in a while, oldest first, and the same put together."""

    requests: Sequence[RequestRecord] = ()
    alike: Sequence[Alike] = ()  # in the order in which the first of each came
    runs: Sequence[Runs] = ()
    generations: Sequence[GenerationRecord] = ()


COUNTED = frozenset((RequestRecord, BundleRecord, BatchRecord, GenerationRecord))
"""Records that a lot is made of."""


def lot_of(records: Iterable[Record]) -> Lot:
    """Those of them that are counted."""
    grouping = Grouping()
    grouping.add(records)
    return grouping.lot


def set_apart(lot: Lot, slow: Collection[int]) -> tuple[list[int], Sequence[int]]:
    """The places of the requests that failed or were slow, by identity, and of the others; mostly all are others."""
    if not slow and not any(group.error for group in lot.alike):
        return [], range(len(lot.requests))
    notable = [place for place, _ in notable_of(lot.requests, slow)]
    return notable, all_but(notable, len(lot.requests))


class Grouping:
    """Makes a lot of records that come in pieces: to put many together at once would hold up requests."""

    def __init__(self) -> None:
        self._requests: list[Part] = []
        self._groups: dict[_Of, _Group] = {}
        self._runs: dict[ModelVersion, list[BatchRecord]] = {}
        self._generations: list[GenerationRecord] = []

    def add(self, records: Iterable[Record]) -> None:
        """Later ones than all before."""
        requests: list[Part] = []
        runs: list[BatchRecord] = []
        for record in records:
            if type(record) is RequestRecord:
                requests.append(record)
            elif type(record) is BundleRecord:
                requests.append(Opened(record))
            elif type(record) is BatchRecord:
                runs.append(record)
            elif type(record) is GenerationRecord:
                self._generations.append(record)
        self._requests += requests
        for model, each in groupby(runs, _MODEL):
            self._runs.setdefault(model, []).extend(each)
        alike: defaultdict[_Of, list[Part]] = defaultdict(list)
        for of, parts in groupby(requests, _OF):  # mostly they are all alike
            alike[of].extend(parts)
        for of, together in alike.items():
            group = self._groups.get(of)
            if group is None:
                group = self._groups[of] = _Group()
            group.add(together)

    @cached_property
    def lot(self) -> Lot:
        """All of them; none is added any more."""
        requests = listed(self._requests)
        if len(self._groups) == 1:  # the very same requests, listed once
            alike = [group.alike(*of, requests) for of, group in self._groups.items()]
        else:
            alike = [group.alike(*of, listed(group.parts)) for of, group in self._groups.items()]
        runs = [Runs(model, each) for model, each in self._runs.items()]
        return Lot(requests, alike, runs, self._generations)


class _Group:
    """Requests that are alike, while they come."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self._took_ns: list[int] = []
        self._waited_ns: list[int] = []
        self._runs: list[tuple[BatchFacts, int]] = []
        self._rows = 0
        self._tenants: Counter[str] = Counter()
        self._traced: list[RequestRecord] = []
        self._cached: list[RequestRecord] = []

    def add(self, parts: list[Part]) -> None:
        """Bundles among them are counted whole: none of their requests is traced, or of a model with a cache."""
        self.parts += parts
        alone = [part for part in parts if type(part) is RequestRecord]
        took_alone_ns = [request.finished_ns - request.arrived_ns for request in alone]
        if alone:
            self._add_alone(alone)
        if len(alone) == len(parts):
            self._took_ns += took_alone_ns
            return
        took_ns, next_alone_ns = self._took_ns, iter(took_alone_ns)
        for part in parts:
            if type(part) is Opened:
                finished_ns = part.bundle.first.finished_ns
                took_ns += [finished_ns - arrived_ns for arrived_ns in part.bundle.arrived_ns]
                self._add_bundle(part.bundle.first, part.size)
            else:
                took_ns.append(next(next_alone_ns))

    def alike(
        self, model: str, version: int | None, protocol: str, error: str, requests: Sequence[RequestRecord]
    ) -> Alike:
        """What they have in common, with what there is of each; `requests` are its parts."""
        return Alike(
            model,
            version,
            protocol,
            error,
            requests,
            self._took_ns,
            self._waited_ns,
            self._runs,
            self._rows,
            self._tenants,
            self._traced,
            self._cached,
        )

    def _add_alone(self, requests: list[RequestRecord]) -> None:
        self._waited_ns += _waited_ns(requests)
        # those of a run end one after another
        self._runs += [(run, len(list(each))) for run, each in groupby(requests, _BATCH) if run is not None]
        self._rows += sum(map(_ROWS, requests))
        self._tenants.update(map(_TENANT, requests))
        self._traced += [request for request in requests if request.trace]
        self._cached += [request for request in requests if request.cache]

    def _add_bundle(self, first: RequestRecord, size: int) -> None:
        if (batch := first.batch) is not None:
            self._waited_ns += [max(0, batch.started_ns - first.submitted_ns)] * size
            self._runs.append((batch, size))
        self._rows += size * first.rows
        self._tenants[first.tenant] += size


def _waited_ns(requests: Sequence[RequestRecord]) -> list[int]:
    """One may be taken before it is let in."""
    waited = [request.batch.started_ns - request.submitted_ns for request in requests if request.batch]
    return waited if not waited or min(waited) >= 0 else [max(0, each) for each in waited]
