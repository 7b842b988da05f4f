"""`headrace simulate`: what machines would hold, found out by simulation with times that were measured."""

import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import quote

import msgspec

from headrace import __version__
from headrace.cli import simulate_flags
from headrace.cli.asking import model_path
from headrace.cli.connection import Server
from headrace.cli.console import console
from headrace.cli.failure import Failure
from headrace.cli.parser import Parser
from headrace.cli.results import as_json, write
from headrace.cli.simulate_flags import Wanted, make_plan
from headrace.cli.simulate_shown import Shown, print_report
from headrace.cli.trust import trust_of
from headrace.simulate.known import Told, read_known
from headrace.simulate.page import page
from headrace.simulate.report import Report
from headrace.simulate.study import Study

WAIT_S = 30.0
UNUSUAL = 1.25  # times as slow or as quick as usual, from which on that is told


def parser() -> Parser:
    return simulate_flags.parser()


def run(arguments: Sequence[str]) -> int:
    """Ctrl-C ends it early with 130: what was simulated until then is shown and kept."""
    wanted = simulate_flags.read_flags(arguments)
    told, source = _times(wanted)
    plan = make_plan(wanted, told)
    started, begin, ended = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic(), ""
    with Shown(console(sys.stderr)) as watcher:
        study = Study(plan, watcher)
        try:
            study.run()
        except KeyboardInterrupt:
            ended = "interrupted"
    options = wanted.options
    report = Report(
        model=" ".join(filter(None, (options.model or told.model_name, told.model_version, told.variant))) or source,
        times=source,
        objective=f"{options.slo_ms:g} ms" if options.slo_ms else "none",
        arrivals=options.arrivals,
        lengths=options.lengths or ("of the trace" if plan.trace else "one"),
        scenario=msgspec.structs.replace(plan.scenario, latency={}),
        started=started,
        version=__version__,
        command=wanted.command,
        took_s=round(time.monotonic() - begin, 3),
        points=study.points,
        capacities=study.capacities,
        attainment=plan.attainment,
        ended=ended,
    )
    print_report(report, console(sys.stderr) if options.json == "-" else console())
    if options.speed == 1 and not 1 / UNUSUAL < told.slowed < UNUSUAL:
        moment = f"the times are of a moment in which runs took {told.slowed:.2g} times what they usually do"
        console(sys.stderr).print(f"{moment}: ask again, or say --speed {told.slowed:.2g}", style="yellow")
    if options.json:
        write(options.json, as_json(report))
    if options.html:
        write(str(options.html), page(report))
    return 130 if ended else 0


def _times(wanted: Wanted) -> tuple[Told, str]:
    """What is known of the model's runs, and where that is from. Raises Failure."""
    options = wanted.options
    if options.latency:
        try:
            return read_known(options.latency.read_bytes()), str(options.latency)
        except OSError as error:
            raise Failure(f"--latency {options.latency}: {error.strerror or error}", exit_code=2) from error
        except ValueError as error:
            raise Failure(f"--latency {options.latency}: {error}", exit_code=2) from error
    server = Server(options.url, WAIT_S, trust_of(options))
    version = f"/versions/{quote(options.version, safe='')}" if options.version else ""
    variant = f"?variant={quote(options.variant, safe='')}" if options.variant else ""
    path = f"{model_path(options.model)}{version}/latency{variant}"
    body, _ = server.fetch("GET", path)
    try:
        return read_known(body), server.url
    except ValueError as error:
        raise Failure(f"what {server.url}{path} answered is {error}") from error
