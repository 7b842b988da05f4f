"""Outcomes -> figures, under the names that `headrace bench` has for those of a real server. Pure."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.simulate.outcomes import ANSWERED, GIVEN_UP, LEFT, LEFT_RUNNING, REFUSED, Outcomes

SHARES = (50.0, 90.0, 99.0, 99.9)
CDF_POINTS = 101
LONG = 90.0  # percentile of lengths from which on a request counts as long
_SECOND = 1e9
Floats = NDArray[np.float64]


class Runs(msgspec.Struct, frozen=True):
    """What the machines did, all of them together."""

    count: int
    rows: int
    rows_left: int  # run for clients that were gone
    busy_s: float
    reasons: dict[str, int]


class Figures(msgspec.Struct, frozen=True):
    """One load, simulated. Rates are a second, shares are of one; what could not be measured is None."""

    sent: int
    offered: float
    throughput: float  # answers that came while the load lasted
    goodput: float  # answers in time
    attainment: float  # the share answered in time
    shed: float  # the share refused or given up
    refused: float  # the share refused on arrival
    left: float  # the share whose clients went away
    p50_ms: float | None
    p90_ms: float | None
    p99_ms: float | None
    p99_9_ms: float | None
    mean_ms: float | None
    max_ms: float | None
    late_share: float  # of the answered, those not in time
    long_attainment: float | None  # of the longest tenth
    rows_per_run: float
    utilisation: float  # of the instances' time
    runs_for_leavers: float  # rows run for clients that were gone, over those that went
    reasons: dict[str, int]
    cdf_ms: list[float]  # latency at evenly spaced shares from 0 to 1


def measure(
    outcomes: Outcomes, runs: Runs, duration_s: float, instances: int, slo_ns: int | None = None, skip_s: float = 0.0
) -> Figures:
    """Of requests sent from `skip_s` on. `instances`: of all machines together."""
    due, done = np.frombuffer(outcomes.due_ns, np.int64), np.frombuffer(outcomes.done_ns, np.int64)
    verdicts = np.frombuffer(outcomes.verdicts, np.uint8)
    counted = due >= skip_s * _SECOND
    span_s, sent = duration_s - skip_s, int(counted.sum())
    latency = done - due
    answered = counted & (verdicts == ANSWERED)
    good = answered & (latency <= slo_ns) if slo_ns is not None else answered
    took = np.sort(latency[answered]) / 1e6
    p50, p90, p99, p99_9 = (_rounded(np.percentile(took, share)) if len(took) else None for share in SHARES)
    counts = np.bincount(verdicts[counted], minlength=6)
    left = int(counts[LEFT] + counts[LEFT_RUNNING])
    return Figures(
        sent=sent,
        offered=round(sent / span_s, 3),
        throughput=round(float((answered & (done <= duration_s * _SECOND)).sum()) / span_s, 3),
        goodput=round(float(good.sum()) / span_s, 3),
        attainment=_share(int(good.sum()), sent),
        shed=_share(int(counts[REFUSED] + counts[GIVEN_UP]), sent),
        refused=_share(int(counts[REFUSED]), sent),
        left=_share(left, sent),
        p50_ms=p50,
        p90_ms=p90,
        p99_ms=p99,
        p99_9_ms=p99_9,
        mean_ms=_rounded(took.mean()) if len(took) else None,
        max_ms=_rounded(took[-1]) if len(took) else None,
        late_share=_share(int(answered.sum() - good.sum()), int(answered.sum())),
        long_attainment=_of_long(np.frombuffer(outcomes.lengths, np.int64), counted, good),
        rows_per_run=round(runs.rows / runs.count, 3) if runs.count else 0.0,
        utilisation=round(min(1.0, runs.busy_s / (duration_s * instances)), 4) if duration_s else 0.0,
        runs_for_leavers=_share(runs.rows_left, left),
        reasons=runs.reasons,
        cdf_ms=[round(float(each), 3) for each in np.quantile(took, np.linspace(0, 1, CDF_POINTS))]
        if len(took)
        else [],
    )


def _of_long(lengths: NDArray[np.int64], counted: NDArray[np.bool_], good: NDArray[np.bool_]) -> float | None:
    """Where lengths differ."""
    if not counted.any() or lengths.min() == lengths.max():
        return None
    long = counted & (lengths >= np.percentile(lengths[counted], LONG))
    return _share(int((good & long).sum()), int(long.sum()))


def _share(part: int, whole: int) -> float:
    return round(part / whole, 5) if whole else 0.0


def _rounded(value: float) -> float:
    return round(float(value), 3)
