"""The flags of `headrace simulate` -> what is simulated, and where the results go."""

import shlex
from argparse import SUPPRESS, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterable, Sequence, Set
from pathlib import Path

import msgspec

from headrace.arrivals import MOST_ARRIVALS, Arrival, Gamma, lasts_s, parse_lengths
from headrace.cli.connection import URL
from headrace.cli.failure import Failure
from headrace.cli.load_flags import (
    MOST_RATE,
    check_between,
    check_search,
    check_together,
    numbers,
    or_fail,
    rate_of,
    read_arrivals,
    wrong,
)
from headrace.cli.parser import Parser
from headrace.cli.trust import add_trust_flags
from headrace.simulate.feeding import FEEDINGS
from headrace.simulate.known import Told
from headrace.simulate.policies import parse_policies
from headrace.simulate.scenario import LIMITS, Leaving, Overheads, Scenario
from headrace.simulate.study import Plan

MOST = 1_000_000
_EXAMPLES = """\
examples:
  headrace simulate minilm --rate 50,100,200 --slo-ms 100 --lengths lognormal:24:0.8:5:256 --html study.html
  headrace simulate minilm --find-max --slo-ms 100 --machines 1,8,64,1000 --policy deadline,fixed:5,none
  headrace simulate --latency times.json --rate 400 --arrivals gamma:2 --slo-ms 50 --leave 0.3:150
"""


class Wanted(msgspec.Struct, frozen=True):
    """What the command line says; the plan is made once the model's times are known."""

    options: Namespace
    process: Gamma
    trace: tuple[Arrival, ...]
    command: str


def parser() -> Parser:
    made = Parser(
        "headrace simulate",
        description="What would machines hold? The server's own policy, and others, on times that were measured.",
        epilog=_EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    made.add_argument("model", metavar="MODEL", nargs="?", default="", help="a model of a running server")
    _add_times(made)
    _add_load(made)
    _add_machines(made)
    group = made.add_argument_group("objective and search")
    group.add_argument("--slo-ms", type=float, metavar="MS", help="an answer is in time within this; servers know it")
    group.add_argument("--find-max", action="store_true", help="search the highest rate that keeps the objective")
    group.add_argument("--attainment", type=float, default=0.99, metavar="SHARE", help="of requests in time; else 0.99")
    group.add_argument("--precision", type=float, default=0.03, metavar="SHARE", help="of that rate; else 0.03")
    group.add_argument("--requests", type=int, default=200_000, metavar="N", help="of one try at most; else 200,000")
    results = made.add_argument_group("results")
    results.add_argument("--json", metavar="FILE", help="the whole study; - for standard output")
    results.add_argument("--html", type=Path, metavar="FILE", help="one page with plots")
    return made


def _add_times(made: Parser) -> None:
    group = made.add_argument_group("times of runs")
    group.add_argument("--url", default=URL, help=f"the server that is asked for them; else {URL}")
    group.add_argument("--server", dest="url", default=SUPPRESS, help=SUPPRESS)  # as it was called at first
    add_trust_flags(group)
    group.add_argument("--version", metavar="N", help="of the model; else the server's choice")
    group.add_argument("--variant", metavar="NAME", help="of the model; else its own file")
    group.add_argument("--latency", type=Path, metavar="FILE", help="a file of them instead of a server")
    group.add_argument(
        "--speed", type=float, default=1.0, metavar="TIMES", help="how much quicker machines are; else 1"
    )
    group.add_argument(
        "--overhead-us",
        default="0",
        metavar="IN[:OUT[:IN-LOOP:OUT-LOOP]]",
        help="before the queue, after the run, and of both the event loop's own time; else 0",
    )


def _add_load(made: Parser) -> None:
    group = made.add_argument_group("load")
    group.add_argument("--rate", metavar="N[,N...]", help="open loop: requests a second, for all machines together")
    group.add_argument("--concurrency", metavar="N[,N...]", help="closed loop: clients")
    group.add_argument(
        "--arrivals", default="poisson", metavar="PROCESS", help="poisson, steady, gamma:CV or trace:FILE; else poisson"
    )
    group.add_argument("--duration", type=float, metavar="SECONDS", help="of each load; else 60, or as a trace")
    group.add_argument("--lengths", metavar="DIST", help="of rows: 24 or lognormal:24:0.8:5:256")
    group.add_argument("--rows", type=int, default=1, metavar="N", help="of each request; else 1")
    group.add_argument("--leave", metavar="SHARE:MS", help="a share of clients leaves after so long: 0.3:150")
    group.add_argument("--seed", type=int, default=0, metavar="N", help="of all that is drawn; else 0")


def _add_machines(made: Parser) -> None:
    group = made.add_argument_group("machines")
    group.add_argument(
        "--policy",
        default="deadline",
        metavar="NAME[,NAME...]",
        help="deadline, fixed[:DELAY-MS], none, aimd (Clipper's) or fitted (BentoML's); else deadline",
    )
    group.add_argument("--machines", default="1", metavar="N[,N...]", help="that share the load; else 1")
    group.add_argument("--feeding", choices=FEEDINGS, default="shortest", help="which machine is asked; else shortest")
    group.add_argument("--instances", type=int, metavar="N", help="on each machine; else as the server has, or 1")
    group.add_argument(
        "--together", type=float, default=1.0, metavar="TIMES", help="as long takes a run beside another; else 1"
    )
    group.add_argument("--max-size", type=int, metavar="ROWS", help="of one run; else as the server has, or 64")
    group.add_argument("--max-queue", type=int, default=LIMITS.max_queue, metavar="N", help="that wait; else 1024")


def read_flags(arguments: Sequence[str]) -> Wanted:
    """What is wanted. Raises Failure that names the flag at fault."""
    made = parser()
    options = made.parse_args(arguments)
    _check(options, made.given(arguments))
    process, trace = read_arrivals(options)
    wanted = Wanted(options, process, trace, shlex.join(["headrace", "simulate", *arguments]))
    make_plan(wanted, Told({}))  # what is wrong is told before a server is asked
    return wanted


def make_plan(wanted: Wanted, told: Told) -> Plan:
    """The plan for these times. Raises Failure."""
    options, trace = wanted.options, wanted.trace
    limits = msgspec.structs.replace(
        LIMITS,
        max_size=options.max_size or told.max_size or LIMITS.max_size,
        max_queue=options.max_queue,
        packed=told.packed,
    )
    rows = max((each.rows for each in trace), default=options.rows)
    if told.latency and rows > limits.max_size:
        raise Failure(
            f"requests of {rows:,} rows: a run has at most {limits.max_size:,}, so a server refuses them", exit_code=2
        )
    instances = options.instances or told.instances or 1
    if told.latency and instances == 1 and options.together != 1:
        raise Failure("--together is of runs beside others: there are none with one instance", exit_code=2)
    scenario = Scenario(
        latency=told.latency,
        limits=limits,
        instances=instances,
        together=options.together,
        speed=options.speed,
        feeding=options.feeding,
        overheads=_overheads(options.overhead_us),
        slo_ns=int(options.slo_ms * 1e6) if options.slo_ms else None,
        leaving=_leaving(options.leave) if options.leave else None,
        seed=options.seed,
    )
    rates = _rates(options, trace)
    duration_s = options.duration or (lasts_s(trace) if trace and not options.find_max else 60.0)
    if not trace and not options.find_max and max(rates, default=0) * duration_s > MOST_ARRIVALS:
        raise Failure(f"a load has at most {MOST_ARRIVALS:,} requests: lower --rate or --duration", exit_code=2)
    return Plan(
        scenario=scenario,
        policies=or_fail("--policy ", lambda: parse_policies(options.policy)),
        machines=_whole("--machines", options.machines, 10_000),
        rates=rates,
        clients=_whole("--concurrency", options.concurrency, 100_000) if options.concurrency else (),
        process=wanted.process,
        trace=trace,
        lengths=or_fail("--lengths ", lambda: parse_lengths(options.lengths)) if options.lengths else None,
        rows=options.rows,
        duration_s=duration_s,
        most_requests=options.requests,
        find_max=options.find_max,
        attainment=options.attainment,
        precision=options.precision,
    )


def _check(options: Namespace, given: Set[str]) -> None:
    times = ("duration", "slo_ms", "speed", "together")
    check_between(options, times, 0, 1e7, "it is above 0, and below 10,000,000")
    for flag in ("rows", "instances", "max_size", "max_queue", "requests"):
        value = getattr(options, flag)
        if value is not None and not 1 <= value <= MOST * 100:
            raise wrong(flag, value, f"it is at least 1, and at most {MOST * 100:,}")
    check_search(options, "0.03")
    refusals = (
        (not options.model and not options.latency, "name a MODEL of a running server, or give --latency FILE"),
        (options.find_max and not options.slo_ms, "--find-max needs an objective, as in --slo-ms 100"),
        (options.find_max and options.concurrency, "--find-max searches a rate: leave --concurrency out"),
        (
            not (options.rate or options.concurrency or options.find_max or options.arrivals.startswith("trace:")),
            "say what is asked for: --rate, --concurrency or --find-max",
        ),
        (
            options.latency and (options.version or options.variant),
            "--version and --variant are of a server's model: they do not go with --latency",
        ),
    )
    check_together(options, (*refusals, *_without_effect(options, given)), ("html", "json"))


def _without_effect(options: Namespace, given: Set[str]) -> Iterable[tuple[object, str]]:
    """Flags that nothing would come of beside the others."""
    drawn = not options.arrivals.startswith("trace:")
    return (
        (
            options.latency and given & {"url", "ca", "cert", "key"},
            "--url, --ca, --cert and --key are of a server: they do not go with --latency",
        ),
        (
            "arrivals" in given and drawn and not (options.rate or options.find_max),
            "--arrivals shapes an open loop: give --rate or --find-max",
        ),
        (
            given & {"attainment", "precision", "requests"} and not options.find_max,
            "--attainment, --precision and --requests need --find-max",
        ),
        (
            "feeding" in given and set(options.machines.split(",")) == {"1"},
            "--feeding says which of several machines is asked: give --machines",
        ),
        (
            "together" in given and options.instances == 1,
            "--together is of runs beside others: there are none with --instances 1",
        ),
    )


def _rates(options: Namespace, trace: Sequence[Arrival]) -> Sequence[float]:
    if options.rate:
        return numbers("--rate", options.rate, MOST_RATE)
    if trace and not options.find_max and not options.concurrency:
        return [rate_of(trace)]
    return ()


def _overheads(text: str) -> Overheads:
    parts = text.split(":")
    try:
        given = [float(part) for part in parts]
    except ValueError:
        given = []
    if len(given) not in (1, 2, 4) or not all(0 <= number < 1e7 for number in given):
        raise Failure(f"--overhead-us {text}: write it IN, IN:OUT or IN:OUT:IN-LOOP:OUT-LOOP, in us", exit_code=2)
    before, after, before_loop, after_loop = (int(number * 1e3) for number in (*given, 0.0, 0.0, 0.0)[:4])
    return Overheads(in_ns=before, in_loop_ns=before_loop, out_ns=after, out_loop_ns=after_loop)


def _leaving(text: str) -> Leaving:
    share, _, after_ms = text.partition(":")
    try:
        leaving = Leaving(float(share), int(float(after_ms) * 1e6))
    except (ValueError, OverflowError):
        leaving = Leaving(-1.0, 0)
    if not (0 < leaving.share <= 1 and 0 < leaving.after_ns < 1e16):
        raise Failure(f"--leave {text}: write it SHARE:MS, as in 0.3:150", exit_code=2)
    return leaving


def _whole(flag: str, text: str, most: int) -> list[int]:
    found = numbers(flag, text, most)
    if any(value != int(value) for value in found):
        raise Failure(f"{flag} {text}: they are whole numbers", exit_code=2)
    return [int(value) for value in found]
