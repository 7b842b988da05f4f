"""Records whose numbers are easy to follow."""

from headrace.records import BatchRecord, ModelEvent, RequestRecord, WorkerEvent
from headrace.types import BatchFacts, ModelVersion, VersionState


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


def failed(error: str, model: str = "m", version: int | None = 1, id: str = "1", trace: str = "") -> RequestRecord:  # noqa: A002
    """A request that failed after 500 ns and was not run."""
    return RequestRecord(id, model, version, "http", 1, 0, 100, 500, None, error, trace)


def ran(rows: int = 1, reason: str = "idle", error: str = "", model: str = "m", version: int = 1) -> BatchRecord:
    return BatchRecord(ModelVersion(model, version), facts(rows, reason=reason), error)


def moved(
    state: VersionState = "READY", model: str = "m", version: int | None = 1, reason: str = "", seconds: float = 0.0
) -> ModelEvent:
    return ModelEvent(model, version, state, reason, 1_700_000_000.0, seconds)


def worker(what: str, instance: int = 0, pid: int = 0, model: str = "m", reason: str = "") -> WorkerEvent:
    return WorkerEvent(ModelVersion(model, 1), instance, what, reason, 1_700_000_000.0, pid)
