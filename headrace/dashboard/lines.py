"""What a model did over time, as lines to draw: one list of numbers a quantity, one number a step."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from headrace.dashboard.overview import milliseconds
from headrace.history.levels import Level
from headrace.history.point import Point, merged, quantile
from headrace.observe.histogram import DURATION_BOUNDS_NS as BOUNDS
from headrace.types import ModelVersion


def lines(level: Level, since_s: int, until_s: int, rows: Sequence[tuple[int, ModelVersion, Point]]) -> dict[str, Any]:
    """Of all versions in `rows` together, and of each; steps in which nothing happened are there too.

    A rate is a number a second; a time or a size is None where nothing was asked.
    """
    steps = range(since_s, until_s, level.step_s)
    by_version: defaultdict[int, dict[int, Point]] = defaultdict(dict)
    together: defaultdict[int, list[Point]] = defaultdict(list)
    for at, of, point in rows:
        by_version[of.version][at] = point
        together[at].append(point)
    whole = {at: merged(points) for at, points in together.items()}
    reasons: Counter[str] = Counter()
    for point in whole.values():
        reasons.update(point.reasons)
    return {
        "since": since_s,
        "step_s": level.step_s,
        "all": _quantities(steps, whole),
        "versions": {str(version): _quantities(steps, points) for version, points in sorted(by_version.items())},
        "reasons": dict(reasons.most_common()),
        "histogram": _histogram(merged(whole.values())),
    }


def _quantities(steps: range, points: dict[int, Point]) -> dict[str, list[float | None]]:
    step_s = steps.step
    found = [points.get(at, _NOTHING) for at in steps]
    return {
        "rate": [round(point.requests / step_s, 3) for point in found],
        "errors": [round(point.errors / step_s, 3) for point in found],
        "shed": [round(point.shed / step_s, 3) for point in found],
        "tokens": [round(point.tokens / step_s, 2) for point in found],
        "p50_ms": [milliseconds(quantile(point, 0.5)) for point in found],
        "p99_ms": [milliseconds(quantile(point, 0.99)) for point in found],
        "wait_ms": [milliseconds(point.waited_ns / point.requests) if point.requests else None for point in found],
        "rows": [round(point.rows / point.runs, 2) if point.runs else None for point in found],
        "queued": [point.queued for point in found],
        "memory_bytes": [point.num_bytes or None for point in found],
    }


def _histogram(point: Point) -> list[tuple[float | None, int]]:
    """Requests by how long they took at most, in milliseconds; None: longer than every bound."""
    return [(milliseconds(BOUNDS[bucket]) if bucket < len(BOUNDS) else None, count) for bucket, count in point.took]


_NOTHING = Point()
