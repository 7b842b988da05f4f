"""A report's figures as charts, each with its caption and legend."""

from collections.abc import Sequence
from html import escape

from headrace.bench.load import Objective
from headrace.bench.report import Report, Spread, Step
from headrace.bench.svg import Axis, Limit, Series, bar_chart, line_chart, shown

COLOURS = "c1", "c2", "c3", "c4", "c5", "c6"
MS = "ms"


def figure(title: str, drawn: str, legend: Sequence[tuple[str, str]] = (), note: str = "") -> str:
    """A chart under its title; the legend is names and colours."""
    keys = "".join(f'<li><i class="{colour}"></i>{escape(name)}</li>' for name, colour in legend)
    listed = f'<ul class="legend">{keys}</ul>' if legend else ""
    said = f"<p>{escape(note)}</p>" if note else ""
    return f"<figure><figcaption><h3>{escape(title)}</h3>{said}{listed}</figcaption>{drawn}</figure>"


def overview(report: Report, objective: Objective) -> list[str]:
    """The charts that compare loads; only those that there is something to compare for."""
    steps = sorted((each for each in report.steps if each.sent), key=lambda each: (each.rate is None, _x(each)))
    by_rate = [each for each in steps if each.rate is not None]
    by_clients = [each for each in steps if each.concurrency is not None]
    charts: list[str] = []
    if len(by_rate) > 1:
        charts += [_throughput(by_rate, "offered, requests/s"), _percentiles(by_rate, "offered, requests/s", objective)]
    if len(by_clients) > 1:
        charts += [_throughput(by_clients, "clients"), _percentiles(by_clients, "clients", objective)]
    if len([each for each in steps if each.p99_ms is not None]) > 1:
        charts.append(_frontier(steps, objective))
    if any(each.cdf_ms for each in steps):
        charts.append(_cdf(steps, objective))
    if any(each.streams for each in steps) and len(steps) > 1:
        charts.append(_streams(steps, objective))
    return charts


def details(step: Step, objective: Objective) -> list[str]:
    """The charts of one load."""
    charts = []
    if len(step.timeline) > 1:
        charts += [_outcomes_over_time(step), _latency_over_time(step, objective)]
    if step.batches and step.batches.sizes:
        told = "answers" if step.batches.told_by == "answers" else "runs"
        bars = [(str(rows), [float(count)]) for rows, count in step.batches.sizes.items()]
        charts.append(figure("Batch sizes", bar_chart("Batch sizes", bars, ["c1"], "rows in a run", told)))
    if step.batches and step.batches.reasons:
        bars = [(reason, [float(count)]) for reason, count in step.batches.reasons.items()]
        charts.append(figure("Why batches were closed", bar_chart("Reasons", bars, ["c3"], "reason", "batches")))
    if step.batches and step.batches.variants:
        bars = [(variant, [float(count)]) for variant, count in step.batches.variants.items()]
        charts.append(figure("Which variant answered", bar_chart("Variants", bars, ["c2"], "variant", "answers")))
    if step.server and step.server.requests:
        charts.append(_phases(step))
    return charts


def _x(step: Step) -> float:
    return step.offered if step.rate is not None else float(step.concurrency or 0)


def _throughput(steps: Sequence[Step], x: str) -> str:
    series = [
        Series("throughput", [(_x(each), each.throughput) for each in steps], "c1"),
        Series("goodput", [(_x(each), each.goodput) for each in steps], "c2"),
    ]
    if any(each.outcomes.shed for each in steps):
        refused = [(_x(each), each.outcomes.shed / each.duration_s) for each in steps]
        series.append(Series("refused", refused, "bad", dashed=True))
    drawn = line_chart("Throughput over load", series, Axis(x), Axis("answers/s"))
    return figure("Throughput", drawn, [(each.name, each.colour) for each in series], "Goodput counts answers in time.")


def _percentiles(steps: Sequence[Step], x: str, objective: Objective) -> str:
    known = [each for each in steps if each.p50_ms is not None]
    series = [
        Series(name, [(_x(each), value) for each in known if (value := getattr(each, key))], colour)
        for name, key, colour in (
            ("p50", "p50_ms", "c1"),
            ("p90", "p90_ms", "c4"),
            ("p99", "p99_ms", "c2"),
            ("p99.9", "p99_9_ms", "c3"),
        )
    ]
    drawn = line_chart("Latency over load", series, Axis(x), Axis(MS, log=True), _limits(objective, "y"))
    return figure(
        "Latency", drawn, [(each.name, each.colour) for each in series], "Of answers, from when they were due."
    )


def _frontier(steps: Sequence[Step], objective: Objective) -> str:
    known = [each for each in steps if each.p99_ms]
    kinds = (
        ("rates", "c1", [each for each in known if each.rate is not None]),
        ("clients", "c2", [each for each in known if each.rate is None]),
    )
    series = [
        Series(name, [(each.throughput, each.p99_ms or 0.0) for each in those], colour)
        for name, colour, those in kinds
        if those
    ]
    drawn = line_chart("Frontier", series, Axis("answers/s"), Axis("p99, ms", log=True), _limits(objective, "y"))
    legend = [(each.name, each.colour) for each in series] if len(series) > 1 else []
    return figure("Throughput and latency", drawn, legend, "What one costs of the other.")


def _cdf(steps: Sequence[Step], objective: Objective) -> str:
    known = _few([each for each in steps if each.cdf_ms])
    series = []
    for each, colour in zip(known, COLOURS, strict=False):
        last = len(each.cdf_ms) - 1
        points = [(value, index / last * 100) for index, value in enumerate(each.cdf_ms) if value > 0]
        series.append(Series(each.label, points, colour, dots=False))
    drawn = line_chart(
        "Distribution", series, Axis("ms", log=True), Axis("% answered by then", top=100), _limits(objective, "x")
    )
    return figure("Latency, all of it", drawn, [(each.name, each.colour) for each in series])


def _streams(steps: Sequence[Step], objective: Objective) -> str:
    known = [each for each in steps if each.streams]
    named = (
        ("first token, p99", "ttft_ms", "c2"),
        ("between tokens, p99", "itl_ms", "c1"),
        ("longest gap, p99", "max_itl_ms", "c3"),
    )
    series = []
    for name, key, colour in named:
        spreads: list[tuple[float, Spread]] = [(_x(each), getattr(each.streams, key)) for each in known]
        series.append(Series(name, [(x, each.p99) for x, each in spreads if each.p99], colour))
    limits = [
        Limit(value, f"{name} {value:g} ms")
        for name, value in (("first token", objective.ttft_ms), ("each token", objective.tpot_ms))
        if value
    ]
    drawn = line_chart("Tokens", series, Axis("offered/s or clients"), Axis(MS, log=True), limits)
    return figure("Tokens", drawn, [(each.name, each.colour) for each in series])


def _outcomes_over_time(step: Step) -> str:
    width_s = step.timeline[1].at_s - step.timeline[0].at_s
    bars = [
        (shown(each.at_s), [each.answered / width_s, each.shed / width_s, each.failed / width_s])
        for each in step.timeline
    ]
    drawn = bar_chart("Outcomes over time", bars, ["c1", "warn", "bad"], "seconds", "requests/s")
    return figure("What became of requests", drawn, [("answered", "c1"), ("refused", "warn"), ("failed", "bad")])


def _latency_over_time(step: Step, objective: Objective) -> str:
    series = [
        Series(
            name, [(each.at_s, value) for each in step.timeline if (value := getattr(each, key))], colour, dots=False
        )
        for name, key, colour in (("p50", "p50_ms", "c1"), ("p99", "p99_ms", "c2"))
    ]
    drawn = line_chart(
        "Latency over time", series, Axis("seconds", top=step.duration_s), Axis(MS, log=True), _limits(objective, "y")
    )
    return figure("Latency over time", drawn, [(each.name, each.colour) for each in series])


def _phases(step: Step) -> str:
    server = step.server
    assert server
    client = max(0.0, (step.mean_ms or 0.0) - server.mean_ms)
    bars = [
        ("queue", [server.queue_ms]),
        ("lay out", [server.input_ms]),
        ("compute", [server.infer_ms]),
        ("outputs", [server.output_ms]),
        ("outside", [round(client, 3)]),
    ]
    drawn = bar_chart("Where time goes", bars, ["c4"], "", "ms of a request")
    return figure(
        "Where time goes", drawn, (), "Means, as the server counts them; outside is what the client saw beyond."
    )


def _limits(objective: Objective, along: str) -> list[Limit]:
    if objective.latency_ms is None:
        return []
    return [Limit(objective.latency_ms, f"{objective.latency_ms:g} ms", "x" if along == "x" else "y")]


def _few(steps: Sequence[Step]) -> list[Step]:
    """As many as there are colours, spread over all."""
    if len(steps) <= len(COLOURS):
        return list(steps)
    last = len(steps) - 1
    return [steps[round(index * last / (len(COLOURS) - 1))] for index in range(len(COLOURS))]
