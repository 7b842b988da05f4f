"""`headrace bench`: load a running server, and show what it holds."""

import asyncio
import os
import platform
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import uvloop
from rich.console import Console

from headrace import __version__
from headrace.arrivals import Arrival, trace_form, write_trace
from headrace.bench.connection import Server
from headrace.bench.load import Closed, Open, Plan
from headrace.bench.mlperf import LoadGenResult, Settings, available, run_loadgen
from headrace.bench.page import page
from headrace.bench.report import Report
from headrace.bench.session import Session
from headrace.bench.summary import find_knee
from headrace.bench.target import Refused
from headrace.bench.tensors import has_free_length, takes_rows
from headrace.bench.timerfd import TimerfdClock
from headrace.bench.wire import Source
from headrace.cli import bench_flags
from headrace.cli.bench_flags import Wanted
from headrace.cli.bench_shown import Shown, print_loadgen, print_report
from headrace.cli.console import console
from headrace.cli.failure import Failure
from headrace.cli.infer import read_inputs
from headrace.cli.parser import Parser
from headrace.cli.results import as_json, write
from headrace.types import Tensor, TensorSpec

LOADGEN_SAMPLES = 1024
ASKED_BY_TEXT = {"text_input", "sampling_parameters"}
"""The inputs by which a model is known for one that writes."""


def parser() -> Parser:
    return bench_flags.parser()


def run(arguments: Sequence[str]) -> int:
    """Exit code 1 where it ended early or no request was answered: what was measured is shown and kept all the same."""
    wanted = bench_flags.read_flags(arguments)
    shown = console(sys.stderr) if wanted.json == "-" else console()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if wanted.mlperf:
            if missing := available():
                raise Failure(missing, exit_code=2)
            return _tell_loadgen(wanted, runner.run(_loadgen(wanted)), shown)
        started = datetime.now(UTC).isoformat(timespec="seconds")
        session = runner.run(_measure(wanted))
    report = _report(wanted, session, started)
    print_report(report, shown)
    _keep(wanted, report, session.last_arrivals)
    if report.ended == "interrupted":
        return 130
    return int(bool(report.ended) or not report.answered)


async def _measure(wanted: Wanted) -> Session:
    plan = wanted.plan
    async with _asked(wanted) as (server, source, clock):
        with Shown(console(sys.stderr), None if plan.find_max else len(plan.loads)) as watcher:
            session = Session(plan, server.wire, source, clock, watcher, reading=server.target.reading)
            await session.run()
        return session


async def _loadgen(wanted: Wanted) -> LoadGenResult:
    plan = wanted.plan
    settings = Settings(
        scenario=wanted.mlperf,  # type: ignore[arg-type]
        duration_s=plan.duration_s,
        rate=next((each.rate for each in plan.loads if isinstance(each, Open)), 100.0),
        latency_ms=plan.objective.latency_ms or 100.0,
        seed=plan.seed,
    )
    async with _asked(wanted) as (server, source, _):
        return await run_loadgen(settings, server.wire, source, _sizes(plan), wanted.mlperf_logs)


@asynccontextmanager
async def _asked(wanted: Wanted) -> AsyncIterator[tuple[Server, Source, TimerfdClock]]:
    """The server, what it is sent, and the clock; closed at the end. Raises Failure."""
    clock = TimerfdClock(asyncio.get_running_loop())
    server = Server(wanted.asking, clock)
    plan = wanted.plan
    try:
        specs = await _specs(server, wanted)
        given = read_inputs(wanted.inputs, specs) if wanted.inputs else []
        _check_sizes(plan, specs, given, chat=wanted.asking.protocol == "chat")
        yield server, server.source(specs, given, plan.seed), clock
    except (Refused, ValueError) as error:
        raise Failure(str(error)) from error
    finally:
        await server.close()
        clock.close()


def _sizes(plan: Plan) -> list[Arrival]:
    import numpy as np

    if plan.trace:
        return list(plan.trace)[:LOADGEN_SAMPLES]
    if plan.lengths is None:
        return [Arrival(0.0, plan.rows)]
    drawn = plan.lengths.draw(LOADGEN_SAMPLES, np.random.default_rng([plan.seed, 1]))
    return [Arrival(0.0, plan.rows, length) for length in drawn]


async def _specs(server: Server, wanted: Wanted) -> list[TensorSpec]:
    try:
        return await server.inputs()
    except ConnectionError as error:
        raise Failure(
            f"no server answers at {wanted.url} ({error}); start one with `headrace serve REPO`, or say where it is"
        ) from error


def _check_sizes(plan: Plan, specs: Sequence[TensorSpec], given: Sequence[Tensor], *, chat: bool) -> None:
    """Raises Failure where sizes are asked for that the model cannot have, or nothing is given that it could answer."""
    if chat or given:
        return
    if {spec.name for spec in specs} >= ASKED_BY_TEXT:
        what = "this is a language model, which numbers drawn at random say nothing to"
        raise Failure(f"{what}: ask it with --protocol chat, or say what with --input text_input=TEXT", exit_code=2)
    rows = max([plan.rows, *(each.rows for each in plan.trace)])
    if rows > 1 and not takes_rows(specs):
        raise Failure(f"requests of {rows} rows: the first dimension of this model's inputs is not free", exit_code=2)
    if plan.lengths and not has_free_length(specs):
        raise Failure("--lengths: this model's inputs have no free dimension that a length could be of", exit_code=2)


def _report(wanted: Wanted, session: Session, started: str) -> Report:
    plan = wanted.plan
    loads = plan.loads or (Open(1.0),)
    return Report(
        url=wanted.url,
        model=wanted.asking.model,
        protocol=wanted.asking.protocol,
        objective=str(plan.objective),
        arrivals="closed loop" if all(isinstance(each, Closed) for each in loads) else wanted.arrivals,
        started=started,
        version=__version__,
        command=wanted.command,
        duration_s=plan.duration_s,
        seed=plan.seed,
        steps=session.steps,
        knee=None if plan.find_max else find_knee(session.steps),
        best=session.found,
        ended=session.ended,
        machine=f"{os.cpu_count()} cores, {platform.machine()}",
    )


def _keep(wanted: Wanted, report: Report, arrivals: Sequence[Arrival]) -> None:
    if wanted.json:
        write(wanted.json, as_json(report))
    if wanted.html:
        write(str(wanted.html), page(report, wanted.plan.objective))
    if wanted.record:
        write(str(wanted.record), write_trace(arrivals, trace_form(str(wanted.record))))


def _tell_loadgen(wanted: Wanted, result: LoadGenResult, shown: Console) -> int:
    print_loadgen(result, shown)
    if wanted.json:
        write(wanted.json, as_json(result))
    return int(bool(result.failed))
