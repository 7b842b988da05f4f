"""Simulated requests for tests of what decides about them."""

from headrace.batching.job import Job

MS = 1_000_000


def job(
    length: int = 0,
    rows: int = 1,
    now_ms: float = 0.0,
    within_ms: float | None = None,
    key: str = "",
    level: int = 5,
    tenant: str = "",
) -> Job:
    """A request that arrives at `now_ms` and must be answered `within_ms` of that."""
    made = Job(rows, length, (key,), int(now_ms * MS))
    made.deadline_ns = None if within_ms is None else int((now_ms + within_ms) * MS)
    made.level = level
    made.tenant = tenant
    made.num_bytes = 8 * rows * max(length, 1)
    return made
