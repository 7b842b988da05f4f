"""A study as one HTML file that needs nothing else, in the style of the pages of `headrace bench`."""

from collections.abc import Callable, Sequence
from html import escape

from headrace.bench.charts import COLOURS, figure
from headrace.bench.page import NONE, cards_of, document, facts_list, table_of
from headrace.bench.svg import Axis, Limit, Series, line_chart, shown
from headrace.simulate.report import Report
from headrace.simulate.study import Capacity, Point

HEADS = (
    "policy", "machines", "load", "throughput/s", "goodput/s", "in time", "shed", "p50 ms", "p99", "p99.9",
    "rows a run", "busy",
)  # fmt: skip


def page(report: Report) -> str:
    """The whole file."""
    charts = [*_held(report.capacities), *_over_rates(report)]
    ended = f'<p class="warning">{escape(report.ended)}</p>' if report.ended else ""
    loads = f"<section><h2>Loads</h2>{table_of(HEADS, [_cells(each) for each in report.points])}</section>"
    body = (
        f"<header><p class=brand>headrace simulate</p><h1>{escape(report.model)}</h1>{_facts(report)}</header>{ended}"
        f"{_cards(report)}{'<section class=charts>' + ''.join(charts) + '</section>' if charts else ''}"
        f"{_capacities(report.capacities)}{loads if report.points else ''}"
        f"<footer><code>{escape(report.command)}</code><p>{escape(_made(report))}</p></footer>"
    )
    return document(f"{report.model} · headrace simulate", body)


def _facts(report: Report) -> str:
    scenario = report.scenario
    return facts_list(
        (
            ("times", report.times),
            ("arrivals", report.arrivals),
            ("lengths", report.lengths),
            ("objective", report.objective),
            ("instances a machine", str(scenario.instances)),
            ("fed", scenario.feeding),
        )
    )


def _made(report: Report) -> str:
    simulated = f"simulated in {report.took_s:.1f} s, no machine was asked"
    return f"{report.started}, headrace {report.version}, seed {report.scenario.seed}, {simulated}"


def _cards(report: Report) -> str:
    cards = [
        (
            f"{each.policy}, {_machines(each.machines)}",
            f"{shown(each.rate)}/s" if each.rate else "none",
            f"held with {report.attainment:.4g} in time",
        )
        for each in report.capacities
    ]
    return f"{cards_of(cards)}" if cards else ""


def _capacities(capacities: Sequence[Capacity]) -> str:
    if not capacities:
        return ""
    heads = "policy", "machines", "held/s", "each", "did not hold/s", "in time", "shed", "p50 ms", "p99", "rows a run"
    return f"<section><h2>The highest rates</h2>{table_of(heads, [_capacity(each) for each in capacities])}</section>"


def _capacity(capacity: Capacity) -> list[str]:
    at, rate = capacity.figures, capacity.rate
    cells = [capacity.policy, f"{capacity.machines:,}", _number(rate)]
    cells += [_number(rate / capacity.machines if rate else None), _number(capacity.fails_at)]
    if at is None:
        return cells + [NONE] * 5
    return [*cells, f"{at.attainment:.1%}", f"{at.shed:.1%}", *map(_number, (at.p50_ms, at.p99_ms, at.rows_per_run))]


def _cells(point: Point) -> list[str]:
    at = point.figures
    return [
        point.policy,
        f"{point.machines:,}",
        f"{shown(point.rate)}/s" if point.rate is not None else f"{point.clients:,} clients",
        *(shown(each) for each in (at.throughput, at.goodput)),
        f"{at.attainment:.1%}",
        f"{at.shed:.1%}",
        *(_number(each) for each in (at.p50_ms, at.p99_ms, at.p99_9_ms)),
        f"{at.rows_per_run:.1f}",
        f"{at.utilisation:.0%}",
    ]


def _held(capacities: Sequence[Capacity]) -> list[str]:
    """Rates over machines; nothing where there is one number of machines."""
    if len({each.machines for each in capacities}) < 2:
        return []
    names = list(dict.fromkeys(each.policy for each in capacities))
    series = [
        Series(name, [(each.machines, each.rate) for each in capacities if each.policy == name and each.rate], colour)
        for name, colour in zip(names, COLOURS, strict=False)
    ]
    drawn = line_chart("Rates held", series, Axis("machines", log=True), Axis("held, requests/s", log=True))
    each = [
        Series(one.name, [(machines, rate / machines) for machines, rate in one.points], one.colour) for one in series
    ]
    apart = line_chart("Rates held by each", each, Axis("machines", log=True), Axis("held by each, requests/s"))
    legend = [(one.name, one.colour) for one in series]
    return [
        figure("What machines hold", drawn, legend),
        figure("What each of them holds", apart, legend, "More machines even out chance: each holds more."),
    ]


def _over_rates(report: Report) -> list[str]:
    charts: list[str] = []
    slo_ns = report.scenario.slo_ns
    limits = [Limit(slo_ns / 1e6, f"{slo_ns / 1e6:g} ms")] if slo_ns else []
    for machines in dict.fromkeys(each.machines for each in report.points):
        points = [each for each in report.points if each.machines == machines and each.rate is not None]
        if len({each.rate for each in points}) < 2:
            continue
        on = f", {_machines(machines)}"
        charts += [
            _chart(f"Goodput{on}", points, lambda each: each.figures.goodput, Axis("in time, answers/s")),
            _chart(f"p99{on}", points, lambda each: each.figures.p99_ms, Axis("ms", log=True), limits),
            _chart(f"Refused and given up{on}", points, lambda each: 100 * each.figures.shed, Axis("%", top=100.0)),
        ]
    return charts


def _chart(
    title: str, points: Sequence[Point], value: Callable[[Point], float | None], y: Axis, limits: Sequence[Limit] = ()
) -> str:
    names = list(dict.fromkeys(each.policy for each in points))
    series = [
        Series(
            name,
            [
                (each.rate or 0.0, found)
                for each in points
                if each.policy == name and (found := value(each)) is not None
            ],
            colour,
        )
        for name, colour in zip(names, COLOURS, strict=False)
    ]
    drawn = line_chart(title, series, Axis("offered, requests/s"), y, limits)
    return figure(title, drawn, [(each.name, each.colour) for each in series])


def _machines(count: int) -> str:
    return f"{count:,} machines" if count > 1 else "1 machine"


def _number(value: float | None) -> str:
    return NONE if value is None else shown(value)
