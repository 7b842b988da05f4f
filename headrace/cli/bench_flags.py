"""The flags of `headrace bench` -> what is measured, and where the results go."""

import shlex
from argparse import BooleanOptionalAction, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterable, Sequence, Set
from pathlib import Path

import msgspec

from headrace.arrivals import MOST_ARRIVALS, Arrival, lasts_s, parse_lengths, trace_form
from headrace.bench.address import parse_address
from headrace.bench.connection import Asking
from headrace.bench.load import Closed, Load, Objective, Open, Plan
from headrace.cli import inputs as forms
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
from headrace.cli.trust import add_trust_flags, trust_of

DEFAULT_LOADS = (Closed(1), Closed(4), Closed(16))
MOST_CLIENTS = 10_000
LOWEST_PRIORITY = 9
_EXAMPLES = """\
examples:
  headrace bench http://127.0.0.1:8000 minilm --rate 50,100,200 --slo-ms 100 --html report.html
  headrace bench http://127.0.0.1:8000 minilm --find-max --slo-ms 100 --lengths lognormal:24:0.8:5:256
  headrace bench grpc://127.0.0.1:8001 add_sub --protocol grpc --concurrency 1,4,16 --server-stats
  headrace bench http://127.0.0.1:8000 smollm2 --protocol chat --rate 0.5,1,2 --slo-ttft-ms 1000 --slo-tpot-ms 60
"""


class Wanted(msgspec.Struct, frozen=True):
    """Everything that the command line says."""

    asking: Asking
    plan: Plan
    url: str
    arrivals: str  # as written
    inputs: tuple[str, ...]
    json: str | None
    html: Path | None
    record: Path | None
    mlperf: str | None
    mlperf_logs: Path | None
    command: str


def parser() -> Parser:
    made = Parser(
        "headrace bench",
        description="Load a running server and see what it holds: latency from when each request was due.",
        epilog=f"{_EXAMPLES}\nforms of an input:\n" + (forms.__doc__ or "").partition("\n\n")[2],
        formatter_class=RawDescriptionHelpFormatter,
    )
    made.add_argument("url", metavar="URL", help="where the server is; grpc://HOST:PORT with --protocol grpc")
    made.add_argument("model", metavar="MODEL", help="the model's name")
    _add_load(made)
    _add_objective(made)
    _add_requests(made)
    add_trust_flags(made.add_argument_group("TLS"))
    _add_results(made)
    return made


def _add_load(made: Parser) -> None:
    group = made.add_argument_group("load")
    group.add_argument("--rate", metavar="N[,N...]", help="open loop: requests a second, one step each")
    group.add_argument(
        "--concurrency", metavar="N[,N...]", help="closed loop: clients; else 1,4,16 where no rate is given"
    )
    group.add_argument(
        "--arrivals", default="poisson", metavar="PROCESS", help="poisson, steady, gamma:CV or trace:FILE; else poisson"
    )
    group.add_argument("--duration", type=float, metavar="SECONDS", help="of each step; else 10, or as long as a trace")
    group.add_argument(
        "--warmup", type=float, default=1.0, metavar="SECONDS", help="of the first load, not counted; else 1"
    )
    group.add_argument("--timeout", type=float, default=30.0, metavar="SECONDS", help="a request is given up; else 30")
    group.add_argument("--connections", type=int, default=512, metavar="N", help="at most; else 512, gRPC 16")
    group.add_argument("--seed", type=int, default=0, metavar="N", help="of arrivals and contents; else 0")


def _add_objective(made: Parser) -> None:
    group = made.add_argument_group("objective")
    group.add_argument("--slo-ms", type=float, metavar="MS", help="an answer is in time within this")
    group.add_argument("--slo-ttft-ms", type=float, metavar="MS", help="chat: the first token")
    group.add_argument("--slo-tpot-ms", type=float, metavar="MS", help="chat: each token after it, on the average")
    group.add_argument("--attainment", type=float, default=0.99, metavar="SHARE", help="of requests in time; else 0.99")
    group.add_argument("--find-max", action="store_true", help="search the highest rate that keeps the objective")
    group.add_argument("--precision", type=float, default=0.05, metavar="SHARE", help="of that rate; else 0.05")


def _add_requests(made: Parser) -> None:
    group = made.add_argument_group("requests")
    group.add_argument("--protocol", choices=("http", "grpc", "chat"), default="http", help="else http")
    group.add_argument("--version", metavar="N", help="the model's version; else the server's choice")
    group.add_argument("--input", action="append", default=[], metavar="NAME=VALUE", help="else inputs are made up")
    group.add_argument("--rows", type=int, default=1, metavar="N", help="of each request; else 1")
    group.add_argument(
        "--lengths", metavar="DIST", help="of free dimensions, texts, prompts: 24 or lognormal:24:0.8:5:256"
    )
    group.add_argument("--output-tokens", type=int, default=64, metavar="N", help="chat: of each answer; else 64")
    group.add_argument("--ignore-eos", action=BooleanOptionalAction, default=True, help="chat: no answer ends early")
    group.add_argument("--tenant", default="", metavar="NAME", help="sent as x-tenant")
    group.add_argument("--priority", type=int, metavar="N", help="sent as x-priority")
    group.add_argument("--send-slo", action="store_true", help="tell the server the objective: x-slo-ms and the like")
    group.add_argument("--header", action="append", default=[], metavar="NAME=VALUE", help="one more; may be repeated")


def _add_results(made: Parser) -> None:
    group = made.add_argument_group("results")
    group.add_argument("--json", metavar="FILE", help="every figure; - is standard output")
    group.add_argument("--html", type=Path, metavar="FILE", help="a page with plots, in one file")
    group.add_argument("--record", type=Path, metavar="FILE", help="the arrivals as a trace, .csv or .jsonl")
    group.add_argument("--server-stats", action="store_true", help="the server's own times beside the client's")
    group.add_argument(
        "--mlperf", choices=("singlestream", "server", "offline"), help="let LoadGen ask (not an MLPerf result)"
    )
    group.add_argument("--mlperf-logs", type=Path, metavar="FOLDER", help="keep LoadGen's logs there")


def read_flags(arguments: Sequence[str]) -> Wanted:
    """What is wanted. Raises Failure that names the flag at fault."""
    made = parser()
    options = made.parse_args(arguments)
    _check(options, made.given(arguments))
    address = or_fail("", lambda: parse_address(options.url, options.protocol))
    trust = trust_of(options)
    trust.check(options.url, address.tls)
    asking = Asking(
        address=address,
        protocol=options.protocol,
        model=options.model,
        version=options.version,
        headers=_headers(options),
        tenant=options.tenant,
        output_tokens=options.output_tokens,
        ignore_eos=options.ignore_eos,
        connections=options.connections,
        tls=trust.context() if address.tls else None,
    )
    return Wanted(
        asking=asking,
        plan=_plan(options),
        url=options.url,
        arrivals=options.arrivals,
        inputs=tuple(options.input),
        json=options.json,
        html=options.html,
        record=options.record,
        mlperf=options.mlperf,
        mlperf_logs=options.mlperf_logs,
        command=shlex.join(["headrace", "bench", *arguments]),
    )


def _check(options: Namespace, given: Set[str]) -> None:
    times = ("duration", "timeout", "slo_ms", "slo_ttft_ms", "slo_tpot_ms")
    check_between(options, times, 0, 1e7, "it is above 0, and below 10,000,000")
    if not 0 <= options.warmup < 1e5:
        raise wrong("warmup", options.warmup, "it is 0 or more seconds")
    for flag in ("rows", "output_tokens", "connections"):
        if getattr(options, flag) < 1:
            raise wrong(flag, getattr(options, flag), "it is at least 1")
    if options.priority is not None and not 0 <= options.priority <= LOWEST_PRIORITY:
        raise wrong("priority", options.priority, f"0 is the default, 1 the highest, {LOWEST_PRIORITY} the lowest")
    check_search(options, "0.05")
    _check_together(options, given)


def _check_together(options: Namespace, given: Set[str]) -> None:
    chat = options.protocol == "chat"
    refusals = (
        (
            not chat and (options.slo_ttft_ms or options.slo_tpot_ms),
            "--slo-ttft-ms and --slo-tpot-ms go with --protocol chat",
        ),
        (chat and options.input, "--input goes with tensor models; a chat's prompts have --lengths"),
        (chat and options.rows > 1, "--rows goes with tensor models"),
        (options.input and options.lengths, "--input gives the inputs, --lengths makes them up: give one of them"),
        (options.input and options.rows > 1, "--input gives the rows: leave --rows out"),
        (
            options.find_max and not (options.slo_ms or options.slo_ttft_ms or options.slo_tpot_ms),
            "--find-max needs an objective, as in --slo-ms 100",
        ),
        (options.find_max and options.concurrency, "--find-max searches a rate: leave --concurrency out"),
        (
            options.send_slo and not (options.slo_ms or options.slo_ttft_ms or options.slo_tpot_ms),
            "--send-slo needs --slo-ms",
        ),
        (
            options.mlperf and (options.html or options.record or options.find_max or options.concurrency),
            "--mlperf has LoadGen ask: --html, --record, --find-max and --concurrency do not go with it",
        ),
        (
            options.mlperf == "server" and not (options.rate and options.slo_ms),
            "--mlperf server needs --rate and --slo-ms",
        ),
        (options.mlperf_logs and not options.mlperf, "--mlperf-logs goes with --mlperf"),
        (options.record and options.find_max, "--record keeps one step's arrivals: not those of --find-max"),
        *_without_effect(options, given),
    )
    check_together(options, refusals, ("html", "record", "json"))
    if options.record:
        or_fail("--record ", lambda: trace_form(str(options.record)))


def _without_effect(options: Namespace, given: Set[str]) -> Iterable[tuple[object, str]]:
    """Flags that nothing would come of beside the others."""
    chat, rates, drawn = options.protocol == "chat", options.rate or "", not options.arrivals.startswith("trace:")
    return (
        (
            options.mlperf and (given & {"warmup", "timeout", "server_stats"} or ("arrivals" in given and drawn)),
            "--mlperf has LoadGen ask: --warmup, --timeout, --server-stats and --arrivals, but for a trace's sizes, "
            "do not go with it",
        ),
        (options.mlperf == "singlestream" and options.rate, "--mlperf singlestream has no --rate: leave it out"),
        (options.mlperf and "," in rates, "--mlperf runs once: give one --rate"),
        (
            "arrivals" in given and drawn and not (options.rate or options.find_max or options.mlperf),
            "--arrivals shapes an open loop: give --rate or --find-max",
        ),
        (options.find_max and "," in rates, "--find-max begins at one --rate: give one, or none"),
        (given & {"attainment", "precision"} and not options.find_max, "--attainment and --precision need --find-max"),
        (
            given & {"output_tokens", "ignore_eos"} and not chat,
            "--output-tokens and --ignore-eos go with --protocol chat",
        ),
        (chat and options.version, "--version goes with tensor models: a chat has no place for it"),
    )


def _plan(options: Namespace) -> Plan:
    process, trace = read_arrivals(options)
    loads = _loads(options, trace)
    if options.record and len(loads) != 1:
        raise Failure("--record keeps one step's arrivals: give one --rate or one --concurrency", exit_code=2)
    duration_s = options.duration or (lasts_s(trace) if trace else 10.0)
    if not trace and any(isinstance(load, Open) and load.rate * duration_s > MOST_ARRIVALS for load in loads):
        raise Failure(f"a step has at most {MOST_ARRIVALS:,} requests: lower --rate or --duration", exit_code=2)
    return Plan(
        loads=loads,
        objective=Objective(options.slo_ms, options.slo_ttft_ms, options.slo_tpot_ms),
        duration_s=duration_s,
        warmup_s=options.warmup,
        timeout_s=options.timeout,
        process=process,
        trace=trace,
        lengths=or_fail("--lengths ", lambda: parse_lengths(options.lengths)) if options.lengths else None,
        rows=options.rows,
        seed=options.seed,
        attainment=options.attainment,
        precision=options.precision,
        find_max=options.find_max,
        server_stats=options.server_stats,
    )


def _loads(options: Namespace, trace: Sequence[Arrival]) -> tuple[Load, ...]:
    rates = [Open(value) for value in numbers("--rate", options.rate, MOST_RATE)] if options.rate else []
    clients = numbers("--concurrency", options.concurrency, MOST_CLIENTS) if options.concurrency else []
    for value in clients:
        if value != int(value):
            raise Failure(f"--concurrency {value:g}: clients are whole numbers", exit_code=2)
    if options.protocol != "grpc" and max(clients, default=0) > options.connections:
        raise Failure(f"--concurrency {max(clients):g} needs as many --connections", exit_code=2)
    loads: tuple[Load, ...] = (*rates, *(Closed(int(value)) for value in clients))
    if loads or options.find_max:
        return loads
    if trace:
        return (Open(rate_of(trace)),)
    return DEFAULT_LOADS


def _headers(options: Namespace) -> dict[str, str]:
    headers: dict[str, str] = {}
    for text in options.header:
        name, equals, value = text.partition("=")
        plain = name.replace("-", "").replace("_", "")
        if not equals or not plain.isalnum() or not name.isascii() or not value.isprintable() or not value.isascii():
            raise Failure(f"--header {text}: write it NAME=VALUE, as in x-tenant=blue", exit_code=2)
        if name.lower() in headers:
            raise Failure(f"--header {name} is given twice", exit_code=2)
        headers[name.lower()] = value
    if options.priority is not None:
        headers["x-priority"] = str(options.priority)
    if options.send_slo:
        objectives = {
            "x-slo-ms": options.slo_ms,
            "x-slo-ttft-ms": options.slo_ttft_ms,
            "x-slo-tpot-ms": options.slo_tpot_ms,
        }
        headers |= {name: f"{value:g}" for name, value in objectives.items() if value}
    return headers
