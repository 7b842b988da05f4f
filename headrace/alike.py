"""Requests and runs that are counted alike, put together once for all who count them.

By the time that records are handed on they are on no cache any more: what is asked of each is asked here, so that who
counts need not look at it again.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from functools import cached_property
from itertools import groupby
from operator import attrgetter

import msgspec

from headrace.device_time import Charged, charge
from headrace.records import BatchRecord, BundleRecord, GenerationRecord, Record, RequestRecord
from headrace.request_list import Opened, Part, all_but, listed, notable_of
from headrace.types import BatchFacts, ModelVersion

_OF = attrgetter("model", "version", "protocol", "error")
_BATCH = attrgetter("batch")
_MODEL = attrgetter("model")
_ROWS = attrgetter("rows")
_TENANT = attrgetter("tenant")
_REASON = attrgetter("facts.reason")

_Of = tuple[str, int | None, str, str]
"""What `_OF` gets of a request: requests that have it in common are alike."""


class StageTimes(msgspec.Struct, frozen=True, gc=False):
    """What runs took for their stages, added up."""

    count: int = 0
    input_ns: int = 0
    infer_ns: int = 0
    output_ns: int = 0


class Alike(msgspec.Struct, frozen=True, gc=False):
    """Requests of one version, asked for in one way, that ended alike; at least one, oldest first."""

    model: str
    version: int | None  # None where no version was found
    protocol: str
    error: str  # a code of `errors.py`, or empty
    requests: Sequence[RequestRecord]
    took_ns: Sequence[int]  # of each, from its arrival to its end
    waited_ns: Sequence[int]  # of each that was run, for that
    stages: StageTimes  # of the run of each that was run
    rows: int  # of all
    sizes: Set[int]  # how many rows each has
    tenants: Counter[str]  # how many of them are whose
    traced: Sequence[RequestRecord]  # those of them that have a trace
    cached: Sequence[RequestRecord]  # whose model has a response cache


class Runs(msgspec.Struct, frozen=True, gc=False):
    """Runs of one version; at least one, oldest first."""

    model: ModelVersion
    records: Sequence[BatchRecord]
    took_ns: Sequence[int]  # each, for all its stages
    rows: Sequence[int]  # of each
    reasons: Counter[str]  # for which they were closed
    stages: Mapping[int, StageTimes]  # of those that succeeded, by their rows
    missed: int  # of those, that took longer than was predicted
    variants: Counter[str]  # requests in those, by the variant, where there are several
    charged: Charged  # what they had of the device's time


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
        self._runs: dict[ModelVersion, _RunGroup] = {}
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
            its = self._runs.get(model)
            if its is None:
                its = self._runs[model] = _RunGroup()
            its.add(list(each))
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
        runs = [each.runs(model) for model, each in self._runs.items()]
        return Lot(requests, alike, runs, self._generations)


class _Group:
    """Requests that are alike, while they come."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self._took_ns: list[int] = []
        self._waited_ns: list[int] = []
        self._ran = self._input_ns = self._infer_ns = self._output_ns = 0  # the stages of those that were run
        self._rows = 0
        self._sizes: set[int] = set()
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
        self._add_mixed(parts, iter(took_alone_ns))

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
            StageTimes(self._ran, self._input_ns, self._infer_ns, self._output_ns),
            self._rows,
            self._sizes,
            self._tenants,
            self._traced,
            self._cached,
        )

    def _add_alone(self, requests: list[RequestRecord]) -> None:
        self._waited_ns += _waited_ns(requests)
        for run, each in groupby(requests, _BATCH):  # those of a run end one after another
            if run is not None:
                self._add_run(run, len(list(each)))
        rows = list(map(_ROWS, requests))
        self._rows += sum(rows)
        self._sizes.update(rows)
        self._tenants.update(map(_TENANT, requests))
        self._traced += [request for request in requests if request.trace]
        self._cached += [request for request in requests if request.cache]

    def _add_mixed(self, parts: list[Part], took_alone_ns: Iterator[int]) -> None:
        """Bundles, and how long those took that are between them."""
        took_ns, waited_ns, tenants = self._took_ns, self._waited_ns, self._tenants
        for part in parts:
            if type(part) is not Opened:
                took_ns.append(next(took_alone_ns))
                continue
            size, first = part.size, part.bundle.first
            finished_ns, run = first.finished_ns, first.batch
            took_ns += [finished_ns - arrived_ns for arrived_ns in part.bundle.arrived_ns]
            self._rows += size * first.rows
            self._sizes.add(first.rows)
            tenants[first.tenant] += size
            if run is not None:
                before_ns = run.started_ns - first.submitted_ns
                waited_ns += [before_ns if before_ns > 0 else 0] * size
                self._add_run(run, size)

    def _add_run(self, run: BatchFacts, requests: int) -> None:
        self._ran += requests
        self._input_ns += run.input_ns * requests
        self._infer_ns += run.infer_ns * requests
        self._output_ns += run.output_ns * requests


class _RunGroup:
    """Runs of one version, while they come."""

    def __init__(self) -> None:
        self._records: list[BatchRecord] = []
        self._took_ns: list[int] = []
        self._rows: list[int] = []
        self._reasons: Counter[str] = Counter()
        self._by_rows: defaultdict[int, list[BatchFacts]] = defaultdict(list)
        self._missed = 0
        self._variants: Counter[str] = Counter()
        self._charged: Charged = Counter()

    def add(self, records: list[BatchRecord]) -> None:
        """All that is ever asked of them is asked in one go."""
        self._records += records
        self._reasons.update(map(_REASON, records))
        took, rows, charged = self._took_ns, self._rows, self._charged
        for record in records:
            run, shares = record.facts, record.shares
            took.append(took_ns := run.input_ns + run.infer_ns + run.output_ns)
            rows.append(run.rows)
            if not record.error:
                self._by_rows[run.rows].append(run)
                if 0 < record.predicted_ns < took_ns:
                    self._missed += 1
                if run.variant:
                    self._variants[run.variant] += run.requests
            if len(shares) == 1:
                ((tenant, phase, _),) = shares
                charged[tenant, phase] += run.device_ns
            else:
                charge(run.device_ns, shares, charged)

    def runs(self, model: ModelVersion) -> Runs:
        """All of them; none is added any more."""
        stages = {rows: _stages(several) for rows, several in self._by_rows.items()}
        return Runs(
            model,
            self._records,
            self._took_ns,
            self._rows,
            self._reasons,
            stages,
            self._missed,
            self._variants,
            self._charged,
        )


def _stages(runs: list[BatchFacts]) -> StageTimes:
    return StageTimes(
        len(runs),
        sum([run.input_ns for run in runs]),
        sum([run.infer_ns for run in runs]),
        sum([run.output_ns for run in runs]),
    )


def _waited_ns(requests: Sequence[RequestRecord]) -> list[int]:
    """One may be taken before it is let in."""
    waited = [request.batch.started_ns - request.submitted_ns for request in requests if request.batch]
    return waited if not waited or min(waited) >= 0 else [max(0, each) for each in waited]
