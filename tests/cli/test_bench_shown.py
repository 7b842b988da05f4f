"""A measurement at the terminal."""

import io

from rich.console import Console

from headrace.bench.mlperf import NOTE, LoadGenResult
from headrace.cli.bench_shown import Shown, print_loadgen, print_report
from tests.bench.reports import report


def _console(*, terminal: bool = False) -> tuple[Console, io.StringIO]:
    file = io.StringIO()
    return Console(file=file, width=200, highlight=False, markup=False, force_terminal=terminal), file


def test_a_report_is_a_table_and_what_else_was_found() -> None:
    console, file = _console()
    print_report(report(streams=True, ended="the server was gone"), console)
    shown = file.getvalue()
    for text in (
        "50/s",
        "16 clients",
        "98.0%",
        "full 40, idle 20",
        "50/s: 1 x 429 <b> its words",
        "knee: 100/s",
        "objective 50 ms: 180/s held (goodput 179/s) with 0.99 of requests in time; 190/s did not",
        "it ended early: the server was gone",
    ):
        assert text in shown


def test_every_output_of_loadgen_says_what_it_is_not() -> None:
    console, file = _console()
    print_loadgen(LoadGenResult(NOTE, "offline", 10, 1, "503 full", {"Scenario": "Offline"}), console)
    assert "not an MLPerf result" in file.getvalue()
    assert "10 answered, 1 failed; the first: 503 full" in file.getvalue()


def test_progress_is_shown_on_a_terminal_only() -> None:
    for terminal in (True, False):
        console, file = _console(terminal=terminal)
        with Shown(console, 2) as shown:
            shown.begin("warming up", 1.0)
            shown.begin("50/s", 10.0)
            shown.progress(5.0, 250, 3)
            shown.measured(report().steps[0])
        assert ("50/s" in file.getvalue()) is terminal
