"""Every version and what it does now, as rows of a table: of what the server knows anyway."""

from collections.abc import Iterable, Mapping

import msgspec

from headrace.history.point import Point, quantile
from headrace.types import Backlog, ModelVersion, VersionStatus


class Row(msgspec.Struct, frozen=True):
    """One version. What it does is that of the last few seconds; None: nothing was asked of it."""

    name: str
    version: str  # empty where a folder has none that is right
    state: str
    reason: str
    rate: float  # requests a second that were answered as they should be
    errors_per_s: float
    shed_per_s: float
    p50_ms: float | None
    p99_ms: float | None
    rows: float | None  # in one run, on average
    tokens_per_s: float
    queued: int
    running: int
    memory_bytes: int | None
    share: float | None  # of the requests that name no version, where a split or a rollout shares them
    labels: tuple[str, ...] = ()


def overview(
    index: Iterable[VersionStatus],
    latest: Mapping[ModelVersion, Point],
    step_s: float,
    backlogs: Mapping[ModelVersion, Backlog],
    num_bytes: Mapping[ModelVersion, int],
    shares: Mapping[ModelVersion, float],
    labels: Mapping[ModelVersion, tuple[str, ...]],
) -> list[Row]:
    """A row for each version of the index, in its order. `latest` is what each did in the last `step_s` seconds."""
    rows = []
    for status in index:
        of = ModelVersion(status.name, status.version or 0)
        point, backlog = latest.get(of, _NOTHING), backlogs.get(of, _IDLE)
        rows.append(
            Row(
                status.name,
                "" if status.version is None else str(status.version),
                status.state,
                status.reason,
                round(point.requests / step_s, 3),
                round(point.errors / step_s, 3),
                round(point.shed / step_s, 3),
                milliseconds(quantile(point, 0.5)),
                milliseconds(quantile(point, 0.99)),
                round(point.rows / point.runs, 2) if point.runs else None,
                round(point.tokens / step_s, 1),
                backlog.queued,
                backlog.running,
                num_bytes.get(of),
                shares.get(of),
                labels.get(of, ()),
            )
        )
    return rows


def milliseconds(ns: float | None) -> float | None:
    """Nanoseconds as milliseconds, to the microsecond."""
    return None if ns is None else round(ns / 1e6, 3)


_NOTHING = Point()
_IDLE = Backlog(0, 0)
