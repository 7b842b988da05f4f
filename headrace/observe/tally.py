"""Counts what records say, for each version: the one set of numbers behind metrics and statistics."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import count
from typing import assert_never, get_args

from headrace.alike import Alike, Lot, Runs, StageTimes
from headrace.observe.exemplars import Exemplars
from headrace.observe.histogram import DURATION_BOUNDS_NS, ROW_BOUNDS, Histogram
from headrace.observe.language_tally import LanguageTally, is_complete
from headrace.observe.tenant_counts import TenantCounts
from headrace.records import (
    BatchRecord,
    BundleRecord,
    CancelRecord,
    DriftEvent,
    GenerationRecord,
    MirrorRecord,
    ModelEvent,
    Record,
    RequestRecord,
    SampleRecord,
    ShedRecord,
    StepRecord,
    TrafficEvent,
    WorkerEvent,
    WorkRecord,
)
from headrace.types import VersionState

Key = tuple[str, int | None]
"""A model's name and a version; None where a request or a folder has none that is right."""

Outcome = tuple[str, str]
"""A protocol, and an error code or the empty string."""

OfVersion = ShedRecord | CancelRecord | StepRecord | GenerationRecord | MirrorRecord
"""Records that the tally of one version counts."""

Elsewhere = RequestRecord | BundleRecord | BatchRecord | SampleRecord | WorkRecord | DriftEvent
"""Records that come put together, or of which nothing is counted here: a sample's request has a record of its own."""

TALLIED = (*get_args(OfVersion), WorkerEvent, TrafficEvent, ModelEvent)
"""What a tally listens to, beside the requests and runs that it counts."""


class Spent:
    """How often something took time, and how long in all."""

    __slots__ = ("count", "ns")

    def __init__(self) -> None:
        self.count = 0
        self.ns = 0

    def add(self, count: int, ns: int) -> None:
        self.count += count
        self.ns += ns


class Stages:
    """Time spent on laying out inputs, on computing and on laying out outputs."""

    __slots__ = ("infer", "input", "output")

    def __init__(self) -> None:
        self.input = Spent()
        self.infer = Spent()
        self.output = Spent()

    def add(self, times: StageTimes) -> None:
        self.input.add(times.count, times.input_ns)
        self.infer.add(times.count, times.infer_ns)
        self.output.add(times.count, times.output_ns)


class VersionTally:
    """What one version has done since it was loaded. No two loaded versions of a model have one `engine` number."""

    def __init__(self, load_seconds: float, engine: int = 0) -> None:
        self.load_seconds = load_seconds
        self.engine = engine
        self.language = LanguageTally()
        self.outcomes: Counter[Outcome] = Counter()
        self.success = Spent()
        self.fail = Spent()
        self.queue = Spent()
        self.cache_hit = Spent()  # looked for in the response cache, and found
        self.cache_miss = Spent()
        self.stages = Stages()  # once for each request that succeeded
        self.rows = 0  # of requests that succeeded
        self.runs = 0  # that succeeded
        self.last_finished_ns: int | None = None  # `Clock.now_ns` of the latest request
        self.stages_by_rows: defaultdict[int, Stages] = defaultdict(Stages)  # once for each run that succeeded
        self.closed: Counter[str] = Counter()  # runs by the reason for which the batch was closed
        self.variants: Counter[str] = Counter()  # requests that were run, by the variant, where there are several
        self.missed = 0  # runs that succeeded and took longer than was predicted
        self.shed: TenantCounts[str] = TenantCounts()  # requests refused or dropped to keep others in time
        self.cancelled: Counter[str] = Counter()  # requests whose caller left, by where they were
        self.saved_ns = 0  # compute that was not spent on those
        self.mirrored: Counter[str] = Counter()  # requests that it was asked besides another, by what became of them
        self.request_ns = Histogram(DURATION_BOUNDS_NS)
        self.exemplars = Exemplars(DURATION_BOUNDS_NS)  # of those durations
        self.queue_ns = Histogram(DURATION_BOUNDS_NS)
        self.compute_ns = Histogram(DURATION_BOUNDS_NS)
        self.batch_rows = Histogram(ROW_BOUNDS)

    def add_requests(self, group: Alike) -> None:
        took, waited = group.took_ns, group.waited_ns
        self.outcomes[group.protocol, group.error] += len(took)
        self.last_finished_ns = max(self.last_finished_ns or 0, group.requests[-1].finished_ns)
        if group.error:
            self.fail.add(len(took), sum(took))
            return
        self.success.add(len(took), sum(took))
        self.queue.add(len(waited), sum(waited))
        self.stages.add(group.stages)
        self.rows += group.rows
        self._add_cached(group.cached)
        if group.traced:
            self.exemplars.note(group.traced)
        self.request_ns.add(took)
        self.queue_ns.add(waited)

    def add_runs(self, runs: Runs) -> None:
        self.closed.update(runs.reasons)
        self.missed += runs.missed
        self.variants.update(runs.variants)
        for rows, times in runs.stages.items():
            self.runs += times.count
            self.stages_by_rows[rows].add(times)
        self.batch_rows.add(runs.rows)
        self.compute_ns.add(runs.took_ns)

    def _add_cached(self, requests: Sequence[RequestRecord]) -> None:
        """Of a model with a response cache: what was found there was not computed."""
        for request in requests:
            if request.cache and request.cache.hit:
                self.cache_hit.add(1, request.cache.spent_ns)
                self.rows -= request.rows
            elif request.cache:
                self.cache_miss.add(1, request.cache.spent_ns)

    def add(self, record: OfVersion) -> None:
        if isinstance(record, ShedRecord):
            self.shed.add(record.tenant, record.reason)
        elif isinstance(record, CancelRecord):
            self.cancelled[record.stage] += 1
            self.saved_ns += record.saved_ns
        elif isinstance(record, StepRecord):
            self.runs += record.facts.seconds > 0
            self.language.add_step(record.facts)
        elif isinstance(record, GenerationRecord):
            self._add_generation(record)
        else:
            self.mirrored[record.outcome] += 1

    def _add_generation(self, record: GenerationRecord) -> None:
        """The request itself is counted by its RequestRecord: here is what that does not know."""
        self.language.add_generation(record)
        if is_complete(record):
            waited_ns, took_ns = record.times.queued_ns, record.finished_ns - record.arrived_ns
            self.queue.add(1, waited_ns)
            self.queue_ns.add((waited_ns,))
            self.stages.infer.add(1, max(0, took_ns - waited_ns))


class Workers:
    """The worker processes of one version: those that live, and how many were lost."""

    def __init__(self) -> None:
        self.alive: dict[str, int] = {}  # worker -> pid
        self.lost = 0
        self._since_loaded: dict[str, int] = {}
        self._replaced: dict[str, int] = {}  # those that go on should this load fail

    def add(self, event: WorkerEvent) -> None:
        if event.what == "started":
            if event.worker in self.alive:
                self._replaced[event.worker] = self.alive[event.worker]
            self.alive[event.worker] = self._since_loaded[event.worker] = event.pid
            return
        self.lost += event.what in ("died", "hung")
        # A reload starts a process before the one it replaces ends: that end must not hide the new one.
        if event.pid in (0, self.alive.get(event.worker)):
            self.alive.pop(event.worker, None)
        elif event.pid == self._replaced.get(event.worker):
            del self._replaced[event.worker]  # it does not go on, whatever becomes of the load

    def loaded(self) -> None:
        """What started before this load was replaced by what started for it."""
        self.alive, self._since_loaded = self._since_loaded, {}
        self._replaced.clear()

    def kept(self) -> None:
        """The load failed: what started for it is gone, and what it was to replace goes on."""
        self.alive |= self._replaced
        self._replaced.clear()
        self._since_loaded.clear()


class Tally:
    """A listener of the bus that counts; requests and runs by `count`.

    A version is counted from its loading until it is unloaded, and starts from zero when it is loaded again.
    Requests for any other name count in `strangers`: clients must not be able to fill memory with names.
    """

    def __init__(self) -> None:
        self.versions: dict[Key, VersionTally] = {}
        self.strangers: Counter[Outcome] = Counter()
        self.tenants: TenantCounts[str] = TenantCounts()  # all requests, by tenant and error
        self.states: dict[Key, VersionState] = {}
        self.workers: dict[Key, Workers] = {}
        self.rollouts: Counter[tuple[str, str]] = Counter()  # that ended, by model and by how

    def __call__(self, records: Sequence[Record]) -> None:
        for record in records:
            if isinstance(record, OfVersion):
                if version := self.versions.get((record.model.name, record.model.version)):
                    version.add(record)
            elif isinstance(record, WorkerEvent):
                self._worker(record)
            elif isinstance(record, TrafficEvent):
                if record.what == "rollout" and record.state in ("done", "rolled back"):
                    self.rollouts[record.model, record.state] += 1
            elif isinstance(record, ModelEvent):
                self._model(record)
            elif not isinstance(record, Elsewhere):
                assert_never(record)

    def count(self, lot: Lot) -> Iterator[None]:
        """Count runs, then requests."""
        for runs in lot.runs:
            if tally := self.versions.get((runs.model.name, runs.model.version)):
                tally.add_runs(runs)
        yield
        by_tenant: Counter[tuple[str, str]] = Counter()
        for group in lot.alike:
            for tenant, times in group.tenants.items():
                by_tenant[tenant, group.error] += times
            if tally := self.versions.get((group.model, group.version)):
                tally.add_requests(group)
            else:
                self.strangers[group.protocol, group.error] += len(group.requests)
        for (tenant, error), times in by_tenant.items():
            self.tenants.add(tenant, error, times)

    def _model(self, event: ModelEvent) -> None:
        key = (event.model, event.version)
        before = self.states.get(key)
        self.states[key] = event.state
        workers = self.workers.get(key)
        failed = event.reason and before == "READY" and not event.seconds  # a reload, and what was there goes on
        if event.goes_on:
            return
        if failed and workers:
            workers.kept()
        if event.state == "READY" and not failed:
            self.versions[key] = VersionTally(event.seconds, self._engine(key))
            if workers:
                workers.loaded()
        elif event.state == "UNAVAILABLE":
            self.versions.pop(key, None)
            if workers:
                workers.alive.clear()
            if before == "UNLOADING":  # on purpose: nothing is left of it; one that failed stays, as not ready
                del self.states[key]
                self.workers.pop(key, None)

    def _engine(self, key: Key) -> int:
        """The version's own number if it is loaded again, else the lowest that no other version of the model has."""
        if before := self.versions.get(key):
            return before.engine
        taken = {tally.engine for (name, _), tally in self.versions.items() if name == key[0]}
        return next(number for number in count() if number not in taken)

    def _worker(self, event: WorkerEvent) -> None:
        key = (event.model.name, event.model.version)
        if event.what in ("died", "hung") and (version := self.versions.get(key)):
            version.language.worker_lost()
        if event.what == "started" or key in self.states:  # else the last words of one that was unloaded
            self.workers.setdefault(key, Workers()).add(event)
