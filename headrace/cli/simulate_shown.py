"""A study at the terminal: a bar while it runs, tables at the end."""

from rich.console import Console
from rich.progress import TextColumn

from headrace.cli.bar import NONE, Bar, milliseconds
from headrace.cli.console import table
from headrace.numerals import numeral
from headrace.simulate.figures import Figures
from headrace.simulate.report import Report


class Shown(Bar):
    """Load after load, in simulated time."""

    def __init__(self, console: Console) -> None:
        super().__init__(console, 36, TextColumn("{task.completed:,.1f} of {task.total:,.1f} s"))

    def begin(self, label: str, duration_s: float) -> None:
        self._progress.reset(self._task, description=label, total=duration_s)

    def progress(self, simulated_s: float) -> None:
        self._progress.update(self._task, completed=simulated_s)


def print_report(report: Report, console: Console) -> None:
    """Loads, and the highest rates."""
    if report.points:
        console.print(_points(report))
    if report.capacities:
        console.print(_capacities(report))
    for each in report.capacities:
        if each.rate is None and each.fails_at:
            on = f" on {each.machines:,} machines" if each.machines > 1 else ""
            console.print(f"{each.policy}{on}: {_none_held(each.fails_at, report)}", style="yellow")
    if report.ended:
        console.print(f"it ended early: {report.ended}", style="yellow")


def _points(report: Report) -> "object":
    made = table(
        "policy", "machines", "load", "throughput/s", "goodput/s", "in time", "shed", "p50 ms", "p90", "p99", "p99.9",
        "rows a run", "busy",
    )  # fmt: skip
    for column in made.columns[1:]:
        column.justify = "right"
    for each in report.points:
        at = each.figures
        made.add_row(
            each.policy,
            f"{each.machines:,}",
            f"{numeral(each.rate, 4)}/s" if each.rate is not None else f"{each.clients:,} clients",
            f"{at.throughput:,.1f}",
            f"{at.goodput:,.1f}",
            f"{at.attainment:.1%}",
            f"{at.shed:.1%}",
            *(milliseconds(value) for value in (at.p50_ms, at.p90_ms, at.p99_ms, at.p99_9_ms)),
            f"{at.rows_per_run:.1f}",
            f"{at.utilisation:.0%}",
        )
    return made


def _capacities(report: Report) -> "object":
    made = table("policy", "machines", "held/s", "each", "did not hold/s", "in time", "shed", "p50 ms", "p99", "tries")
    for column in made.columns[1:]:
        column.justify = "right"
    for each in report.capacities:
        at = each.figures
        made.add_row(
            each.policy,
            f"{each.machines:,}",
            numeral(each.rate, 5) if each.rate else "none",
            numeral(each.rate / each.machines, 4) if each.rate else NONE,
            numeral(each.fails_at, 5) if each.fails_at else NONE,
            *(_shares(at) if at else (NONE,) * 4),
            f"{each.tries}",
        )
    return made


def _none_held(fails_at: float, report: Report) -> str:
    """Of the lowest rate that was tried requests hardly meet, unless they come in bursts."""
    share = f"{report.attainment:.4g} of them in time"
    if report.arrivals.startswith(("gamma:", "trace:")):
        return f"no rate held, down to {fails_at:,.4g}/s with {share}"
    return f"no rate held, down to {fails_at:,.4g}/s: not even requests one at a time have {share}"


def _shares(at: Figures) -> tuple[str, ...]:
    return f"{at.attainment:.1%}", f"{at.shed:.1%}", milliseconds(at.p50_ms), milliseconds(at.p99_ms)
