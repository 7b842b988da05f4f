"""The page that Prometheus reads: the tally, the machine and the processes as text."""

import math
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from headrace import __version__
from headrace.devices.process_stat import PROC
from headrace.generation import LanguageFacts
from headrace.observe import families, language_metrics, openmetrics
from headrace.observe.exposition import CONTENT_TYPE, Family, escaped, histogram_block, labels
from headrace.observe.histogram import SECOND
from headrace.observe.language_metrics import Observed
from headrace.observe.openmetrics import Exemplar
from headrace.observe.process import Processors, read_boot_time, read_files, read_memory, read_use
from headrace.observe.slices import joined
from headrace.observe.tally import Key, Tally, VersionTally
from headrace.types import Backlog, Manifest, ModelVersion, VersionStatus

REASONS = {
    **dict.fromkeys(("queue_full", "deadline_exceeded", "draining", "unavailable", "model_unavailable"), "REJECTED"),
    **dict.fromkeys(("would_be_late", "rate_limited", "memory_full"), "REJECTED"),
    "cancelled": "CANCELED",
    **dict.fromkeys(("internal", "input_refused", "worker_lost"), "BACKEND"),
}
"""Error codes as Triton's four reasons for a failure; any other code is OTHER."""


class Readings(msgspec.Struct, frozen=True):
    """What is asked when a page is made, because no record tells it."""

    in_flight: Callable[[], int]
    backlogs: Callable[[], Iterable[tuple[ModelVersion, Backlog]]]
    dropped: Callable[[], int]
    languages: Callable[[], Iterable[tuple[ModelVersion, LanguageFacts]]] = lambda: ()
    shares: Callable[[], Iterable[tuple[ModelVersion, float]]] = lambda: ()  # of models that a split or a rollout has
    memory: Callable[[], Mapping[str, Any]] = dict  # who holds how much, as `/v2/headrace/memory` tells it
    manifest: Callable[[ModelVersion], Manifest | None] = lambda version: None  # of a version that is served
    index: Callable[[], Iterable[VersionStatus]] = lambda: ()  # every version of the repository, and its state
    room: Callable[[ModelVersion], AbstractContextManager[None]] = lambda version: nullcontext()  # for it a second time


Source = Callable[[], Iterable[str]]
"""Makes the lines of families that stand nowhere else on the page."""


class Metrics:
    """Makes pages. Flush the bus first: then a page is exact at the time of reading."""

    def __init__(
        self,
        tally: Tally,
        readings: Readings,
        proc: Path = PROC,
        sources: Sequence[Source] | None = None,
        epoch_ns: int = 0,
    ) -> None:
        """`epoch_ns` is the Unix time at which the records' clock was zero.

        `sources` make more families, each its own; one may be added to the list at any time.
        """
        self._tally = tally
        self._readings = readings
        self._sources = [] if sources is None else sources
        self._epoch_ns = epoch_ns
        self._known: dict[Key, _Known] = {}
        self._proc = proc
        self._processors = Processors(proc)
        self._booted_s = read_boot_time(proc)

    async def page(self, accept: str = "") -> tuple[str, bytes]:
        """Every family that has a sample, in the format that an Accept header asks for, and what that is called.

        It is made a little each turn of the event loop; each histogram, and each family of counters, is of one moment.
        """
        if openmetrics.is_wanted(accept):
            return openmetrics.CONTENT_TYPE, await joined(openmetrics.rewritten(self.parts(exemplars=True)))
        return CONTENT_TYPE, await joined(self.parts())

    def parts(self, *, exemplars: bool = False) -> Iterator[str]:
        """The page's lines, or several at once; an empty one is only a place to pause at."""
        versions = self._loaded()
        yield from _of_versions(versions)
        for histograms in families.HISTOGRAMS:
            yield from self._histograms(histograms, versions, shown=exemplars)
        yield from self._requests(versions)
        yield from self._models()
        yield from language_metrics.lines(self._languages())
        yield from self._workers()
        yield from self._memory()
        yield from self._process()
        yield from self._machine()
        for source in self._sources:
            yield from source()

    def _loaded(self) -> list["_Loaded"]:
        """What is loaded now, each with what was made of its labels for earlier pages."""
        before, found = self._known, sorted(self._tally.versions.items(), key=_order)
        self._known = {key: before[key] if key in before else _Known(_labels(key), {}) for key, _ in found}
        return [_Loaded(*self._known[key], tally) for key, tally in found]

    def _histograms(self, of: families.Histograms, versions: Sequence["_Loaded"], *, shown: bool) -> Iterator[str]:
        """One family, a version at a time; with exemplars, where they are to be shown and there are any."""
        family, bounds, divisor, read = of
        if versions:
            yield family.head
        for label, blocks, tally in versions:
            block = blocks.get(family.name)
            if block is None:
                block = blocks[family.name] = histogram_block(family.name, label, bounds)
            histogram = read(tally)
            counts = histogram.cumulative()
            filled = block % (*counts, histogram.total / divisor, counts[-1])
            exemplars = self._exemplars(tally) if shown and family.name == families.WITH_EXEMPLARS else {}
            yield openmetrics.with_exemplars(filled, exemplars) if exemplars else filled

    def _exemplars(self, tally: VersionTally) -> dict[int, Exemplar]:
        return {
            place: Exemplar(trace, took_ns / SECOND, self._epoch_ns + at_ns)
            for place, (trace, took_ns, at_ns) in tally.exemplars.by_bucket.items()
        }

    def _requests(self, versions: Sequence["_Loaded"]) -> Iterator[str]:
        counted = [
            (_labels(("", None)), self._tally.strangers),
            *((each.label, each.tally.outcomes) for each in versions),
        ]
        yield from families.REQUESTS.each(
            (_with(_with(label, "protocol", protocol), "code", error or "ok"), count)
            for label, outcomes in counted
            for (protocol, error), count in sorted(outcomes.items())
        )
        yield from families.TENANT_REQUESTS.lines(
            (labels({"tenant": tenant, "code": error or "ok"}), count)
            for (tenant, error), count in self._tally.tenants.items()
        )
        yield from families.IN_FLIGHT.lines([("", self._readings.in_flight())])
        yield from families.DROPPED.lines([("", self._readings.dropped())])

    def _models(self) -> Iterator[str]:
        waiting = [((of.name, of.version), backlog.queued) for of, backlog in self._readings.backlogs()]
        yield from families.PENDING.each((_labels(key), queued) for key, queued in waiting)
        yield from families.QUEUED.each((_labels(key), queued) for key, queued in waiting)
        states = sorted(self._tally.states.items(), key=_order)
        yield from families.READY.each((_labels(key), int(state == "READY")) for key, state in states)
        yield from families.SHARE.lines(
            (_labels((of.name, of.version)), share) for of, share in self._readings.shares()
        )
        yield from families.ROLLOUTS.lines(
            (labels({"model": model, "outcome": outcome}), count)
            for (model, outcome), count in sorted(self._tally.rollouts.items())
        )

    def _languages(self) -> list[Observed]:
        backlogs = dict(self._readings.backlogs())
        counted = [
            (of, facts, self._tally.versions.get((of.name, of.version))) for of, facts in self._readings.languages()
        ]
        return [
            Observed(of, tally.engine, facts, tally.language, backlogs.get(of, Backlog(0, 0)))
            for of, facts, tally in counted
            if tally
        ]

    def _workers(self) -> Iterator[str]:
        workers = sorted(self._tally.workers.items(), key=_order)
        alive = [(key, worker, pid) for key, each in workers for worker, pid in sorted(each.alive.items())]
        yield from families.WORKERS.each((_labels(key), len(each.alive)) for key, each in workers)
        yield from families.RESTARTS.each((_labels(key), each.lost) for key, each in workers)
        used = []
        for key, worker, pid in alive:
            if pid and (use := read_use(pid, self._proc)):
                used.append((_labels(key, instance=worker), use))
            yield ""
        yield from families.WORKER_MEMORY.each((label, use.resident_bytes) for label, use in used)
        yield from families.WORKER_CPU.each((label, use.cpu_s) for label, use in used)

    def _memory(self) -> list[str]:
        told = self._readings.memory()
        if not told:
            return []
        holders = [(labels({"part": each["part"], "model": "", "version": ""}), each) for each in told["parts"]] + [
            (labels({"part": "model", "model": each["name"], "version": each["version"]}), each)
            for each in told["models"]
            if each["stage"] == "resident"  # of one that is loaded anew there are two for a while
        ]
        budget = told["budget_bytes"]
        return [
            *families.MEMORY_BUDGET.lines([] if budget is None else [("", budget)]),
            *families.MEMORY_RESERVED.lines((label, each["reserved_bytes"]) for label, each in holders),
            *families.MEMORY_MEASURED.lines((label, each["measured_bytes"]) for label, each in holders),
            *families.FOR_SLEEPING.lines([("", told["requests_for_sleeping"])]),
        ]

    def _process(self) -> list[str]:
        build = labels({"version": __version__, "python": platform.python_version()})
        lines = families.BUILD.lines([(build, 1)])
        if use := read_use("self", self._proc):
            lines += families.PROCESS_CPU.lines([("", use.cpu_s)])
            lines += families.PROCESS_MEMORY.lines([("", use.resident_bytes)])
            lines += families.PROCESS_VIRTUAL.lines([("", use.virtual_bytes)])
            if self._booted_s is not None:
                lines += families.PROCESS_START.lines([("", self._booted_s + use.started_s)])
        if files := read_files("self", self._proc):
            lines += families.PROCESS_FDS.lines([("", files.open)])
            lines += families.PROCESS_MAX_FDS.lines([("", math.inf if files.most is None else files.most)])
        return lines

    def _machine(self) -> list[str]:
        busy, memory = self._processors.utilization(), read_memory(self._proc)
        return [
            *families.CPU_UTILIZATION.lines([("", busy)] if busy is not None else []),
            *families.CPU_MEMORY_TOTAL.lines([("", memory.total_bytes)] if memory else []),
            *families.CPU_MEMORY_USED.lines([("", memory.used_bytes)] if memory else []),
        ]


class _Known(NamedTuple):
    """What was made of a version's labels."""

    label: str
    blocks: dict[str, str]  # by family: its histogram, to be filled


class _Loaded(NamedTuple):
    """A version that is loaded, and what is known of how it is written."""

    label: str
    blocks: dict[str, str]
    tally: VersionTally


def _of_versions(versions: Sequence[_Loaded]) -> Iterator[str]:
    for family, read_number in families.OF_VERSION:
        yield from family.each((each.label, read_number(each.tally)) for each in versions)
    for counted, name, read in _COUNTED:
        yield from counted.each(
            (_with(label, name, value), count) for label, _, tally in versions for value, count in read(tally)
        )
    yield from families.SHED.each(
        (_with(_with(label, "tenant", tenant), "reason", reason), count)
        for label, _, tally in versions
        for (tenant, reason), count in tally.shed.items()
    )


def _failures(tally: VersionTally) -> dict[str, int]:
    """Failed requests by Triton's reasons; like Triton's, all four are there from the start."""
    counts = dict.fromkeys(("REJECTED", "CANCELED", "BACKEND", "OTHER"), 0)
    for (_, error), count in tally.outcomes.items():
        if error:
            counts[REASONS.get(error, "OTHER")] += count
    return counts


_COUNTED: tuple[tuple[Family, str, Callable[[VersionTally], Iterable[tuple[str, int]]]], ...] = (
    (families.FAILURE, "reason", lambda tally: _failures(tally).items()),
    (families.BATCHES, "reason", lambda tally: sorted(tally.closed.items())),
    (families.VARIANTS, "variant", lambda tally: sorted(tally.variants.items())),
    (families.CANCELLED, "stage", lambda tally: sorted(tally.cancelled.items())),
    (families.MIRRORED, "outcome", lambda tally: sorted(tally.mirrored.items())),
)
"""Families with a sample for each value of one more label."""


def _labels(key: Key, **more: str) -> str:
    name, version = key
    return labels({"model": name, "version": "" if version is None else str(version), **more})


def _with(label: str, name: str, value: str) -> str:
    return f'{label[:-1]},{name}="{escaped(value)}"}}'


def _order(item: tuple[Key, object]) -> tuple[str, int]:
    name, version = item[0]
    return name, version or 0
