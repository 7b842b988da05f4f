"""A measurement at the terminal."""

import io

from msgspec import structs
from rich.console import Console

from headrace.bench.mlperf import NOTE, LoadGenResult
from headrace.cli.bench_shown import Shown, print_loadgen, print_report
from tests.bench.reports import SERVER, report


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


def test_what_a_server_does_not_say_of_prompts_is_not_shown_as_none_of_them() -> None:
    console, file = _console()
    told = report(streams=True)
    silent = [structs.replace(each.streams, mean_prompt_tokens=None) for each in told.steps if each.streams]
    steps = [structs.replace(each, streams=one) for each, one in zip(told.steps, silent, strict=True)]
    print_report(structs.replace(told, steps=steps), console)
    streams = next(line for line in file.getvalue().partition("tokens/s")[2].splitlines() if "50/s" in line)
    assert streams.split()[-2:] == ["-", "3"]


def test_why_runs_were_closed_is_what_answers_told_where_statistics_do_not() -> None:
    console, file = _console()
    told = report()
    steps = [structs.replace(each, server=structs.replace(SERVER, reasons={})) for each in told.steps]
    print_report(structs.replace(told, steps=steps), console)
    server = next(line for line in file.getvalue().partition("closed because")[2].splitlines() if "50/s" in line)
    assert server.split()[-2:] == ["full", "100"]


def test_which_variants_answered_is_told() -> None:
    console, file = _console()
    told = report()
    varied = [
        structs.replace(each, batches=structs.replace(each.batches, variants={"int8": 1200, "fp32": 30}))
        for each in told.steps
        if each.batches
    ]
    print_report(structs.replace(told, steps=varied), console)
    assert "50/s: answered by variants int8 1,200, fp32 30" in file.getvalue()


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
