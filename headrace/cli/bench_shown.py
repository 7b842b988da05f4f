"""A measurement at the terminal: a bar while it runs, a table at the end."""

from collections.abc import Mapping

from rich.console import Console
from rich.progress import TextColumn

from headrace.bench.mlperf import LoadGenResult
from headrace.bench.report import Report, Spread, Step
from headrace.cli.bar import NONE, Bar, milliseconds
from headrace.cli.console import table
from headrace.numerals import numeral
from headrace.printable import printable


class Shown(Bar):
    """Step after step; on a terminal a line for each stays."""

    def __init__(self, console: Console, count: int | None) -> None:
        """`count`: of steps, where that is known."""
        super().__init__(console, 24, TextColumn("{task.fields[facts]}"))
        self._console = console
        self._count = count
        self._number = -1  # the warm-up is none

    def begin(self, label: str, duration_s: float) -> None:
        warming = label == "warming up"
        self._number += 0 if warming else 1
        of = f" ({self._number + 1}/{self._count})" if self._count and not warming else ""
        self._progress.reset(self._task, description=f"{label}{of}", total=duration_s, facts="")

    def progress(self, elapsed_s: float, answered: int, in_flight: int) -> None:
        facts = f"{answered:,} over, {in_flight:,} in flight"
        self._progress.update(self._task, completed=elapsed_s, facts=facts)

    def measured(self, step: Step) -> None:
        if self._console.is_terminal:
            p99 = milliseconds(step.p99_ms)
            self._progress.print(
                f"{step.label:>14}  {step.throughput:>10,.1f}/s  p99 {p99} ms  {step.attainment:.1%} in time"
            )


def print_report(report: Report, console: Console) -> None:
    """The table of loads, and below it what else was found."""
    console.print(_loads(report))
    if any(each.streams for each in report.steps):
        console.print(_streams(report))
    if any(each.server for each in report.steps):
        console.print(_server(report))
    for step in report.steps:
        if step.batches and step.batches.variants:
            console.print(f"{step.label}: answered by variants {_counts(step.batches.variants)}")
        for code, said in step.said.items():
            console.print(printable(f"{step.label}: {said.count:,} x {code} {said.first}".rstrip()))
        if step.doubt:
            console.print(f"{step.label}: {step.doubt}", style="yellow")
    if report.knee:
        console.print(f"knee: {report.knee}, where throughput over latency is highest")
    if best := report.best:
        border = f"; {numeral(best.fails_at, 4)}/s did not" if best.fails_at else ""
        share = f"{best.attainment:.4g} of requests in time"
        held = (
            f"{numeral(best.rate, 4)}/s held (goodput {numeral(best.goodput, 4)}/s)"
            if best.rate and best.goodput
            else "no rate held"
        )
        console.print(f"objective {report.objective}: {held} with {share}{border}")
    if report.ended:
        console.print(f"it ended early: {report.ended}", style="yellow")
    if not report.answered:
        console.print("no request was answered: each was refused or failed, for the reasons above", style="red")


def print_loadgen(result: LoadGenResult, console: Console) -> None:
    """LoadGen's summary, marked as what it is."""
    shown = table(result.note, "")
    for name, value in result.summary.items():
        shown.add_row(name, value)
    console.print(shown)
    failures = f"; the first: {result.first_failure}" if result.first_failure else ""
    console.print(f"{result.answered:,} answered, {result.failed:,} failed{failures}")


def _loads(report: Report) -> "object":
    made = table(
        "load",
        "offered/s",
        "throughput/s",
        "goodput/s",
        "in time",
        "shed",
        "failed",
        "p50 ms",
        "p90",
        "p99",
        "p99.9",
        "client CPU",
    )
    for column in made.columns[1:]:
        column.justify = "right"
    for each in report.steps:
        failed = each.outcomes.errors + each.outcomes.timeouts + each.outcomes.given_up
        made.add_row(
            each.label,
            *(f"{value:,.1f}" for value in (each.offered, each.throughput, each.goodput)),
            f"{each.attainment:.1%}",
            f"{each.shed:.1%}",
            f"{failed:,}",
            *(milliseconds(value) for value in (each.p50_ms, each.p90_ms, each.p99_ms, each.p99_9_ms)),
            f"{each.client_cpu:.0%}",
        )
    return made


def _streams(report: Report) -> "object":
    made = table(
        "load", "tokens/s", "ttft p50", "p99", "tpot p50", "p99", "gap p50", "p99", "longest p99", "prompt", "output"
    )
    for each in report.steps:
        if streams := each.streams:
            spreads = streams.ttft_ms, streams.tpot_ms, streams.itl_ms
            made.add_row(
                each.label,
                f"{streams.tokens_per_s:,.1f}",
                *(milliseconds(value) for spread in spreads for value in _p50_p99(spread)),
                milliseconds(streams.max_itl_ms.p99),
                NONE if streams.mean_prompt_tokens is None else f"{streams.mean_prompt_tokens:,.0f}",
                f"{streams.mean_output_tokens:,.0f}",
            )
    return made


def _server(report: Report) -> "object":
    made = table(
        "load", "server: requests", "mean ms", "queue", "lay out", "compute", "outputs", "rows a run", "closed because"
    )
    for each in report.steps:
        if server := each.server:
            made.add_row(
                each.label,
                f"{server.requests:,}",
                *(
                    f"{value:.3f}"
                    for value in (server.mean_ms, server.queue_ms, server.input_ms, server.infer_ms, server.output_ms)
                ),
                f"{server.rows / server.runs:.1f}" if server.runs else NONE,
                _counts(server.reasons or (each.batches.reasons if each.batches else {})),
            )
    return made


def _counts(counts: Mapping[str, int]) -> str:
    """Of runs as the server counts them, or of answers as each told its own."""
    return printable(", ".join(f"{name} {count:,}" for name, count in counts.items())) or NONE


def _p50_p99(spread: Spread) -> tuple[float | None, float | None]:
    return spread.p50, spread.p99
