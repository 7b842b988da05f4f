"""The page that Prometheus reads: the tally, the machine and the processes as text."""

import math
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec

from headrace import __version__
from headrace.devices.process_stat import PROC
from headrace.generation import LanguageFacts
from headrace.observe import families, language_metrics
from headrace.observe.exposition import labels
from headrace.observe.language_metrics import Observed
from headrace.observe.process import Processors, read_boot_time, read_files, read_memory, read_use
from headrace.observe.tally import Key, Tally, VersionTally
from headrace.types import Backlog, ModelVersion

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


Source = Callable[[], Iterable[str]]
"""Makes the lines of families that stand nowhere else on the page."""


class Metrics:
    """Makes pages. Flush the bus first: then a page is exact at the time of reading."""

    def __init__(
        self, tally: Tally, readings: Readings, proc: Path = PROC, sources: Sequence[Source] | None = None
    ) -> None:
        """`sources` make more families, each its own: one may be added to the list at any time."""
        self._tally = tally
        self._readings = readings
        self._sources = [] if sources is None else sources
        self._proc = proc
        self._processors = Processors(proc)
        self._booted_s = read_boot_time(proc)

    def page(self) -> bytes:
        """Every family that has a sample, in text format 0.0.4 (`exposition.CONTENT_TYPE`)."""
        versions = [(_labels(key), tally) for key, tally in sorted(self._tally.versions.items(), key=_order)]
        lines = [
            *_of_versions(versions),
            *self._requests(),
            *self._models(),
            *language_metrics.lines(self._languages()),
            *self._workers(),
            *self._memory(),
            *self._process(),
            *self._machine(),
            *chain.from_iterable(source() for source in self._sources),
        ]
        return ("\n".join(lines) + "\n").encode()

    def _requests(self) -> list[str]:
        counted: list[tuple[Key, Iterable[tuple[tuple[str, str], int]]]] = [
            (("", None), self._tally.strangers.items()),
            *((key, tally.outcomes.items()) for key, tally in sorted(self._tally.versions.items(), key=_order)),
        ]
        return [
            *families.REQUESTS.lines(
                (_labels(key, protocol=protocol, code=error or "ok"), count)
                for key, outcomes in counted
                for (protocol, error), count in sorted(outcomes)
            ),
            *families.IN_FLIGHT.lines([("", self._readings.in_flight())]),
            *families.DROPPED.lines([("", self._readings.dropped())]),
        ]

    def _models(self) -> list[str]:
        waiting = [(_labels((of.name, of.version)), backlog.queued) for of, backlog in self._readings.backlogs()]
        states = sorted(self._tally.states.items(), key=_order)
        return [
            *families.PENDING.lines(waiting),
            *families.QUEUED.lines(waiting),
            *families.READY.lines((_labels(key), int(state == "READY")) for key, state in states),
            *families.SHARE.lines((_labels((of.name, of.version)), share) for of, share in self._readings.shares()),
            *families.ROLLOUTS.lines(
                (labels({"model": model, "outcome": outcome}), count)
                for (model, outcome), count in sorted(self._tally.rollouts.items())
            ),
        ]

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

    def _workers(self) -> list[str]:
        workers = sorted(self._tally.workers.items(), key=_order)
        alive = [(key, instance, pid) for key, each in workers for instance, pid in sorted(each.alive.items())]
        used = [(_labels(key, instance=str(number)), read_use(pid, self._proc)) for key, number, pid in alive if pid]
        return [
            *families.WORKERS.lines((_labels(key), len(each.alive)) for key, each in workers),
            *families.RESTARTS.lines((_labels(key), each.lost) for key, each in workers),
            *families.WORKER_MEMORY.lines((label, use.resident_bytes) for label, use in used if use),
            *families.WORKER_CPU.lines((label, use.cpu_s) for label, use in used if use),
        ]

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


def _of_versions(versions: list[tuple[str, VersionTally]]) -> list[str]:
    lines: list[str] = []
    for family, read_number in families.OF_VERSION:
        lines += family.lines((label, read_number(tally)) for label, tally in versions)
    lines += families.FAILURE.lines(
        (_with(label, reason=reason), count) for label, tally in versions for reason, count in _failures(tally).items()
    )
    lines += families.BATCHES.lines(
        (_with(label, reason=reason), count)
        for label, tally in versions
        for reason, count in sorted(tally.closed.items())
    )
    lines += families.VARIANTS.lines(
        (_with(label, variant=variant), count)
        for label, tally in versions
        for variant, count in sorted(tally.variants.items())
    )
    lines += families.SHED.lines(
        (_with(label, tenant=tenant, reason=reason), count)
        for label, tally in versions
        for (tenant, reason), count in tally.shed.items()
    )
    lines += families.CANCELLED.lines(
        (_with(label, stage=stage), count)
        for label, tally in versions
        for stage, count in sorted(tally.cancelled.items())
    )
    lines += families.MIRRORED.lines(
        (_with(label, outcome=outcome), count)
        for label, tally in versions
        for outcome, count in sorted(tally.mirrored.items())
    )
    for family, bounds, divisor, read_histogram in families.HISTOGRAMS:
        read = [(label, read_histogram(tally)) for label, tally in versions]
        lines += family.histograms(bounds, [(label, each.cumulative(), each.total / divisor) for label, each in read])
    return lines


def _failures(tally: VersionTally) -> dict[str, int]:
    """Failed requests by Triton's reasons; like Triton's, all four are there from the start."""
    counts = dict.fromkeys(("REJECTED", "CANCELED", "BACKEND", "OTHER"), 0)
    for (_, error), count in tally.outcomes.items():
        if error:
            counts[REASONS.get(error, "OTHER")] += count
    return counts


def _labels(key: Key, **more: str) -> str:
    name, version = key
    return labels({"model": name, "version": "" if version is None else str(version), **more})


def _with(label: str, **more: str) -> str:
    return f"{label[:-1]},{labels(more)[1:]}"


def _order(item: tuple[Key, object]) -> tuple[str, int]:
    name, version = item[0]
    return name, version or 0
