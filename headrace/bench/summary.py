"""Samples -> figures. Pure."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from headrace.bench.load import Load, Objective, Open
from headrace.bench.phases import ServerPhases
from headrace.bench.report import Batches, Moment, Outcomes, Said, Spread, Step, Streams
from headrace.bench.samples import Sample

CDF_POINTS = 201
MOMENTS = 60
_SECOND = 1e9
Floats = NDArray[np.float64]


def spread(values: Iterable[float]) -> Spread:
    """Percentiles of what is a number."""
    array = np.fromiter((value for value in values if not math.isnan(value)), np.float64)
    if not array.size:
        return Spread(0, None, None, None, None, None, None)
    p50, p90, p99, p99_9 = (_rounded(value) for value in np.percentile(array, (50, 90, 99, 99.9)))
    return Spread(array.size, _rounded(array.mean()), p50, p90, p99, p99_9, _rounded(array.max()))


def summarise(  # noqa: PLR0913
    samples: Sequence[Sample],
    load: Load,
    objective: Objective,
    *,
    started_ns: int,
    duration_s: float,
    cpu: float = 0.0,
    given_up: int = 0,
    held_back: int = 0,
    ended: str = "",
    server: ServerPhases | None = None,
) -> Step:
    """One step's figures. `duration_s` is how long the load lasted, `cpu` the client's share of a core."""
    answered = [each for each in samples if each.answer.verdict == "answered"]
    good = [each for each in answered if objective.met(each)]
    outcomes = _outcomes(samples, len(answered), len(good), given_up)
    latency = spread(each.latency_ms for each in answered)
    lag = spread((each.sent_ns - each.scheduled_ns) / 1e6 for each in samples)
    until_ns = started_ns + duration_s * _SECOND
    sent = len(samples) + given_up
    return Step(
        label=load.label,
        rate=load.rate if isinstance(load, Open) else None,
        concurrency=None if isinstance(load, Open) else load.concurrency,
        duration_s=round(duration_s, 3),
        sent=sent,
        offered=_per(sent, duration_s),
        throughput=_per(sum(each.done_ns <= until_ns for each in answered), duration_s),
        goodput=_per(len(good), duration_s),
        attainment=round(len(good) / sent, 5) if sent else 0.0,
        goodput_tokens=_per(sum(each.rows * each.length for each in good), duration_s),
        long_attainment=_long_attainment(samples, objective),
        shed=round(outcomes.shed / sent, 5) if sent else 0.0,
        p50_ms=latency.p50,
        p90_ms=latency.p90,
        p99_ms=latency.p99,
        p99_9_ms=latency.p99_9,
        mean_ms=latency.mean,
        max_ms=latency.max,
        client_cpu=round(cpu, 3),
        send_lag_p99_ms=lag.p99,
        outcomes=outcomes,
        refusal_ms=spread(each.latency_ms for each in samples if each.answer.verdict == "shed"),
        rows_per_s=_per(sum(each.rows for each in answered if each.done_ns <= until_ns), duration_s),
        said=_said(samples),
        batches=_batches(answered, server),
        streams=_streams(answered, started_ns, duration_s),
        server=server,
        cdf_ms=_cdf(answered),
        timeline=_timeline(samples, started_ns, duration_s),
        ended=ended,
        doubt=doubt(lag.p99, latency.p50, cpu, held_back),
    )


def doubt(lag_p99_ms: float | None, p50_ms: float | None, cpu: float, held_back: int = 0) -> str:
    """Why what was measured may be the client, in words; empty where it is the server."""
    if cpu > 0.9:
        return f"the client itself used {cpu:.0%} of a core: it may be what is slow, not the server"
    if lag_p99_ms is not None and lag_p99_ms > max(1.0, 0.25 * (p50_ms or 0.0)):
        return f"the client sent late (p99 {lag_p99_ms:.1f} ms): that is part of these latencies"
    if held_back:
        return f"{held_back:,} requests waited for a connection: the server did not see them all at once; --connections"
    return ""


def find_knee(steps: Sequence[Step]) -> str | None:
    """The step where throughput over mean latency (Kleinrock's power) is highest; of three steps at least."""
    known = [(each.throughput / each.mean_ms, each.label) for each in steps if each.mean_ms]
    return max(known)[1] if len(known) >= 3 else None


def _long_attainment(samples: Sequence[Sample], objective: Objective) -> float | None:
    """How many of the longest tenth were answered in time, as a share."""
    if len({each.length for each in samples}) < 2:
        return None
    by_length = sorted(samples, key=lambda each: each.length)
    longest = by_length[len(by_length) * 9 // 10 :]
    met = sum(each.answer.verdict == "answered" and objective.met(each) for each in longest)
    return round(met / len(longest), 5)


def _outcomes(samples: Sequence[Sample], answered: int, good: int, given_up: int) -> Outcomes:
    counts = Counter(each.answer.verdict for each in samples)
    return Outcomes(
        in_time=good,
        late=answered - good,
        shed=counts["shed"],
        errors=counts["error"] + counts["lost"],
        timeouts=counts["timeout"],
        given_up=given_up,
    )


def _said(samples: Sequence[Sample]) -> dict[str, Said]:
    said: dict[str, Said] = {}
    for each in samples:
        if each.answer.verdict != "answered":
            before = said.get(each.answer.said)
            said[each.answer.said] = Said(
                before.count + 1 if before else 1, before.first if before else each.answer.note
            )
    return said


def _batches(answered: Sequence[Sample], server: ServerPhases | None) -> Batches | None:
    told = [each.answer.batch for each in answered if each.answer.batch]
    if told:
        return Batches(
            "answers",
            dict(sorted(Counter(each.rows for each in told if each.rows).items())),
            dict(Counter(each.reason for each in told if each.reason).most_common()),
            dict(Counter(each.variant for each in told if each.variant).most_common()),
            spread(each.queue_ms for each in told),
            spread(each.compute_ms for each in told),
        )
    if server and server.sizes:
        return Batches("statistics", dict(sorted(server.sizes.items())), server.reasons)
    return None


def _streams(answered: Sequence[Sample], started_ns: int, duration_s: float) -> Streams | None:
    streams = [each.answer.stream for each in answered if each.answer.stream]
    if not streams:
        return None
    tokens = sum(each.tokens for each in streams)
    span_s = max(duration_s, (max(each.last_ns for each in streams) - started_ns) / _SECOND)
    prompts = [each.prompt_tokens for each in streams if each.prompt_tokens]
    return Streams(
        ttft_ms=spread(each.ttft_ms for each in answered),
        tpot_ms=spread(each.tpot_ms for each in answered),
        itl_ms=spread(gap / 1e6 for each in streams for gap in each.gaps_ns),
        max_itl_ms=spread(max(each.gaps_ns) / 1e6 for each in streams if each.gaps_ns),
        tokens_per_s=_per(tokens, span_s),
        mean_prompt_tokens=round(sum(prompts) / len(prompts), 1) if prompts else None,
        mean_output_tokens=round(tokens / len(streams), 1),
    )


def _cdf(answered: Sequence[Sample]) -> list[float]:
    if not answered:
        return []
    latencies = np.array([each.latency_ms for each in answered])
    return [_rounded(value) for value in np.quantile(latencies, np.linspace(0, 1, CDF_POINTS))]


def _timeline(samples: Sequence[Sample], started_ns: int, duration_s: float) -> list[Moment]:
    """Requests by when they were due, whenever they were answered."""
    if not samples or duration_s <= 0:
        return []
    width_s = max(duration_s / MOMENTS, 0.1)
    slices: list[list[Sample]] = [[] for _ in range(max(1, math.ceil(duration_s / width_s - 1e-9)))]
    for each in samples:
        at = int((each.scheduled_ns - started_ns) / _SECOND / width_s)
        slices[min(max(at, 0), len(slices) - 1)].append(each)
    return [_moment(index * width_s, inside) for index, inside in enumerate(slices)]


def _moment(at_s: float, samples: Sequence[Sample]) -> Moment:
    counts = Counter(each.answer.verdict for each in samples)
    latency = spread(each.latency_ms for each in samples if each.answer.verdict == "answered")
    failed = counts["error"] + counts["lost"] + counts["timeout"]
    return Moment(round(at_s, 3), len(samples), counts["answered"], counts["shed"], failed, latency.p50, latency.p99)


def _per(count: float, seconds: float) -> float:
    return round(count / seconds, 3) if seconds > 0 else 0.0


def _rounded(value: float) -> float:
    return round(float(value), 3)
