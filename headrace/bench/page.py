"""A report as one HTML file that needs nothing else: no script, no font, no other host."""

from collections.abc import Sequence
from html import escape
from importlib import resources

from headrace.bench.charts import details, overview
from headrace.bench.load import Objective
from headrace.bench.report import Report, Spread, Step
from headrace.bench.svg import shown

NONE = "–"


def page(report: Report, objective: Objective) -> str:
    """The whole file."""
    charts = overview(report, objective)
    loads = "".join(_step(each, objective, opened=len(report.steps) == 1) for each in report.steps)
    body = (
        f"<header><p class=brand>headrace bench</p><h1>{escape(report.model)}</h1>{_facts(report)}</header>"
        f"{_warnings(report)}{_cards(report)}"
        f"{'<section class=charts>' + ''.join(charts) + '</section>' if charts else ''}"
        f"<section><h2>Loads</h2>{_table(report.steps)}</section>"
        f"<section><h2>One by one</h2>{loads}</section>"
        f"<footer><code>{escape(report.command)}</code><p>{escape(_made(report))}</p></footer>"
    )
    return document(f"{report.model} · headrace bench", body)


def document(title: str, body: str) -> str:
    """A whole file that needs nothing else, of this style."""
    style = (resources.files("headrace.bench") / "static" / "report.css").read_text()
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{style}</style></head><body><main>{body}</main></body></html>\n"
    )


def _facts(report: Report) -> str:
    facts = (
        ("server", report.url),
        ("protocol", report.protocol),
        ("arrivals", report.arrivals),
        ("objective", report.objective),
        ("each load", f"{report.duration_s:g} s"),
    )
    return facts_list(facts)


def facts_list(facts: Sequence[tuple[str, str]]) -> str:
    """Names and what they are."""
    return "<dl>" + "".join(f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in facts) + "</dl>"


def _made(report: Report) -> str:
    return f"{report.started}, headrace {report.version}, seed {report.seed}, {report.machine}"


def _warnings(report: Report) -> str:
    said = [report.ended] if report.ended else []
    said += [f"{each.label}: {each.doubt}" for each in report.steps if each.doubt]
    return "".join(f'<p class="warning">{escape(each)}</p>' for each in dict.fromkeys(said))


def _cards(report: Report) -> str:
    steps = [each for each in report.steps if each.sent]
    if not steps:
        return ""
    most = max(steps, key=lambda each: each.throughput)
    good = max(steps, key=lambda each: each.goodput)
    cards = [("highest throughput", shown(most.throughput), f"answers/s at {most.label}")]
    if report.objective != "none":
        cards.append(("highest goodput", shown(good.goodput), f"in time/s at {good.label}"))
    if report.best:
        share = f"{report.best.attainment:.4g}"
        value = shown(report.best.rate) if report.best.rate else "none"
        cards.append(("holds up to", value, f"requests/s with {share} in time"))
    if report.knee:
        cards.append(("knee", report.knee, "throughput over latency is highest"))
    lowest = min((each for each in steps if each.p50_ms is not None), key=lambda each: each.p50_ms or 0.0, default=None)
    if lowest:
        cards.append(("lowest p50", f"{_ms(lowest.p50_ms)} ms", f"p99 {_ms(lowest.p99_ms)} ms at {lowest.label}"))
    streams = [(each.streams.tokens_per_s, each.label) for each in steps if each.streams]
    if streams:
        cards.append(("tokens", shown(max(streams)[0]), f"tokens/s at {max(streams)[1]}"))
    return cards_of(cards)


def cards_of(cards: Sequence[tuple[str, str, str]]) -> str:
    """A name, a value that is to be seen from afar, and a note, each."""
    made = "".join(
        f"<div><p>{escape(name)}</p><strong>{escape(value)}</strong><small>{escape(note)}</small></div>"
        for name, value, note in cards
    )
    return f"<section class=cards>{made}</section>"


def _table(steps: Sequence[Step]) -> str:
    heads = (
        "load",
        "offered/s",
        "throughput/s",
        "goodput/s",
        "in time",
        "refused",
        "failed",
        "p50 ms",
        "p90",
        "p99",
        "p99.9",
        "client CPU",
    )
    return table_of(heads, [_cells(each) for each in steps])


def table_of(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Cells under headings."""
    head = "".join(f"<th>{escape(each)}</th>" for each in heads)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<div class=scroll><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _cells(step: Step) -> list[str]:
    failed = step.outcomes.errors + step.outcomes.timeouts + step.outcomes.given_up
    return [
        step.label,
        *(shown(each) for each in (step.offered, step.throughput, step.goodput)),
        f"{step.attainment:.1%}",
        f"{step.shed:.1%}",
        f"{failed / step.sent:.1%}" if step.sent else NONE,
        *(_ms(each) for each in (step.p50_ms, step.p90_ms, step.p99_ms, step.p99_9_ms)),
        f"{step.client_cpu:.0%}",
    ]


def _step(step: Step, objective: Objective, *, opened: bool) -> str:
    counts = step.outcomes
    told = f"{shown(step.throughput)}/s, p99 {_ms(step.p99_ms)} ms, {step.attainment:.1%} in time"
    summary = f"<b>{escape(step.label)}</b><span>{told}</span>"
    parts = [
        f"<p class=counts>{step.sent:,} sent: {counts.in_time:,} in time, {counts.late:,} late, "
        f"{counts.shed:,} refused, {counts.errors:,} errors, {counts.timeouts:,} without an answer"
        f"{f', {counts.given_up:,} given up' if counts.given_up else ''}. "
        f"Sent late by {_ms(step.send_lag_p99_ms)} ms at p99.</p>"
    ]
    if step.ended:
        parts.append(f'<p class="warning">{escape(step.ended)}</p>')
    if step.said:
        items = "".join(
            f"<li><b>{escape(code)}</b> {each.count:,} × {escape(each.first)}</li>" for code, each in step.said.items()
        )
        parts.append(f"<ul class=said>{items}</ul>")
    parts.append(_spreads(step))
    parts.append(f"<div class=charts>{''.join(details(step, objective))}</div>")
    return f"<details{' open' if opened else ''}><summary>{summary}</summary>{''.join(parts)}</details>"


def _spreads(step: Step) -> str:
    named: list[tuple[str, Spread | None]] = [("refusals", step.refusal_ms)]
    if step.streams:
        streams = step.streams
        named += [
            ("first token", streams.ttft_ms),
            ("each token after it", streams.tpot_ms),
            ("between tokens", streams.itl_ms),
            ("longest gap of an answer", streams.max_itl_ms),
        ]
    if step.batches:
        named += [("in the queue", step.batches.queue_ms), ("computing", step.batches.compute_ms)]
    rows = [
        [name, f"{each.count:,}"]
        + [_ms(value) for value in (each.mean, each.p50, each.p90, each.p99, each.p99_9, each.max)]
        for name, each in named
        if each and each.count
    ]
    return table_of(("ms", "count", "mean", "p50", "p90", "p99", "p99.9", "max"), rows) if rows else ""


def _ms(value: float | None) -> str:
    return NONE if value is None else shown(value)
