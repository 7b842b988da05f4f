"""Records whose numbers are easy to follow."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import msgspec

from headrace.alike import Lot
from headrace.generation import StepFacts, Times, Usage
from headrace.observe.bus import Bus
from headrace.records import (
    BatchRecord,
    GenerationRecord,
    ModelEvent,
    Record,
    RequestRecord,
    StepRecord,
    WorkerEvent,
)
from headrace.types import BatchFacts, CacheFacts, ModelVersion, VersionState


class Counts(Protocol):
    """Whatever has requests and runs put together; it may listen to other records besides."""

    def count(self, lot: Lot) -> Iterator[None] | None: ...


def hand_on(records: Sequence[Record], *parts: Counts) -> None:
    """As a bus does, all at once."""
    bus = Bus(1 << 20)
    for part in parts:
        bus.count(part.count)
        if callable(part):
            bus.listen(part)
    for record in records:
        bus(record)
    bus.flush()


def facts(rows: int = 1, requests: int = 1, reason: str = "idle", started_ns: int = 1_000) -> BatchFacts:
    """A run that took 10, 20 and 30 ns for its three stages."""
    return BatchFacts(rows, requests, reason, 0, started_ns, 10, 20, 30)


def answered(
    model: str = "m",
    version: int | None = 1,
    rows: int = 1,
    took_ns: int = 1_000_000,
    waited_ns: int = 400,
    finished_ns: int = 5_000_000,
    protocol: str = "http",
) -> RequestRecord:
    """A request that succeeded."""
    arrived_ns = finished_ns - took_ns
    submitted_ns = arrived_ns + 100
    batch = facts(rows, started_ns=submitted_ns + waited_ns)
    return RequestRecord("1", model, version, protocol, rows, arrived_ns, submitted_ns, finished_ns, batch)


def looked_up(hit: bool, spent_ns: int = 3_000, rows: int = 1) -> RequestRecord:
    """A request of a model with a response cache, that succeeded."""
    made, facts = answered(rows=rows), CacheFacts(hit, spent_ns)
    return msgspec.structs.replace(made, batch=None if hit else made.batch, cache=facts)


def failed(error: str, model: str = "m", version: int | None = 1, id: str = "1", trace: str = "") -> RequestRecord:  # noqa: A002
    """A request that failed after 500 ns and was not run."""
    return RequestRecord(id, model, version, "http", 1, 0, 100, 500, None, error, trace)


def ran(rows: int = 1, reason: str = "idle", error: str = "", model: str = "m", version: int = 1) -> BatchRecord:
    return BatchRecord(ModelVersion(model, version), facts(rows, reason=reason), error)


MS = 1_000_000
USAGE = Usage(100, 11, 64)
TIMES = Times(10 * MS, 60 * MS)


def stepped(seconds: float = 0.02, model: str = "m", version: int = 1, **facts: Any) -> StepRecord:
    return StepRecord(ModelVersion(model, version), StepFacts(seconds, **facts))


def generated(
    finishes: tuple[str, ...] = ("stop",),
    usage: Usage = USAGE,
    times: Times = TIMES,
    max_tokens: int | None = 50,
    took_ns: int = 260 * MS,
    longest: int = 11,
    id: str = "41",  # noqa: A002
    model: str = "m",
) -> GenerationRecord:
    """Waited 10 ms, gave its first token after 60 and ten more in 200."""
    arrived_ns = 5 * MS
    return GenerationRecord(
        ModelVersion(model, 1),
        len(finishes),
        max_tokens,
        usage,
        times,
        finishes,
        arrived_ns,
        arrived_ns + took_ns,
        longest,
        id,
    )


def moved(
    state: VersionState = "READY", model: str = "m", version: int | None = 1, reason: str = "", seconds: float = 0.0
) -> ModelEvent:
    return ModelEvent(model, version, state, reason, 1_700_000_000.0, seconds)


def worker(what: str, instance: int = 0, pid: int = 0, model: str = "m", reason: str = "") -> WorkerEvent:
    return WorkerEvent(ModelVersion(model, 1), instance, what, reason, 1_700_000_000.0, pid)
