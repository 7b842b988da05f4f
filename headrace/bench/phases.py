"""What the server says of its own work between two moments: Triton's statistics, and the reasons in its metrics."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

PHASES = {"queue": "queue", "input": "compute_input", "infer": "compute_infer", "output": "compute_output"}
_REASON = re.compile(r"^headrace_batches_total\{([^}]*)\} ([0-9.e+]+)$", re.MULTILINE)


class Reading(msgspec.Struct, frozen=True):
    """Counts since the server's start. Durations are (count, nanoseconds)."""

    success: tuple[int, int] = (0, 0)
    fail: tuple[int, int] = (0, 0)
    phases: Mapping[str, tuple[int, int]] = {}
    rows: int = 0
    runs: int = 0
    sizes: Mapping[int, int] = {}  # runs by rows
    reasons: Mapping[str, int] = {}  # runs by why the batch was closed


class ServerPhases(msgspec.Struct, frozen=True):
    """Between two readings; the means are of a request, in milliseconds."""

    requests: int
    failed: int
    mean_ms: float
    queue_ms: float
    input_ms: float
    infer_ms: float
    output_ms: float
    rows: int
    runs: int
    sizes: dict[int, int]
    reasons: dict[str, int]


def read_statistics(entries: Iterable[Mapping[str, Any]]) -> Reading:
    """All versions of one model together, from the JSON form of the statistics."""
    reading = Reading()
    for entry in entries:
        spent = entry.get("inference_stats", {})
        sizes = {
            int(each["batch_size"]): _duration(each.get("compute_infer"))[0] for each in entry.get("batch_stats", ())
        }
        reading = Reading(
            success=_sum(reading.success, _duration(spent.get("success"))),
            fail=_sum(reading.fail, _duration(spent.get("fail"))),
            phases={
                name: _sum(reading.phases.get(name, (0, 0)), _duration(spent.get(theirs)))
                for name, theirs in PHASES.items()
            },
            rows=reading.rows + int(entry.get("inference_count", 0)),
            runs=reading.runs + int(entry.get("execution_count", 0)),
            sizes=_added(reading.sizes, sizes),
        )
    return reading


def read_reasons(page: str, model: str) -> dict[str, int]:
    """Runs of a model by reason, from a page of metrics; empty where the server has no such metric."""
    reasons: dict[str, int] = {}
    for labels, value in _REASON.findall(page):
        said = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        if said.get("model") == model and "reason" in said:
            reasons[said["reason"]] = reasons.get(said["reason"], 0) + int(float(value))
    return reasons


def between(before: Reading, after: Reading) -> ServerPhases:
    """What was done from one reading to the other."""
    count = after.success[0] - before.success[0]

    def mean(late: tuple[int, int], early: tuple[int, int]) -> float:
        return round((late[1] - early[1]) / count / 1e6, 3) if count > 0 else 0.0

    phases = {name: mean(after.phases.get(name, (0, 0)), before.phases.get(name, (0, 0))) for name in PHASES}
    return ServerPhases(
        requests=count,
        failed=after.fail[0] - before.fail[0],
        mean_ms=mean(after.success, before.success),
        queue_ms=phases["queue"],
        input_ms=phases["input"],
        infer_ms=phases["infer"],
        output_ms=phases["output"],
        rows=after.rows - before.rows,
        runs=after.runs - before.runs,
        sizes=_less(after.sizes, before.sizes),
        reasons=_less(after.reasons, before.reasons),
    )


def _duration(said: Mapping[str, Any] | None) -> tuple[int, int]:
    """Over gRPC numbers come as strings, and what is zero does not come."""
    return (int(said.get("count", 0)), int(said.get("ns", 0))) if said else (0, 0)


def _sum(left: tuple[int, int], right: tuple[int, int]) -> tuple[int, int]:
    return left[0] + right[0], left[1] + right[1]


def _added(left: Mapping[Any, int], right: Mapping[Any, int]) -> dict[Any, int]:
    return {key: left.get(key, 0) + right.get(key, 0) for key in sorted({*left, *right})}


def _less(after: Mapping[Any, int], before: Mapping[Any, int]) -> dict[Any, int]:
    counts = {key: count - before.get(key, 0) for key, count in after.items()}
    return {key: count for key, count in counts.items() if count > 0}
