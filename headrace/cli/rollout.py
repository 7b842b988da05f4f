"""`headrace rollout`: how far one version has taken another's place on a server, and have one do so by steps."""

import json
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from typing import Any

from headrace.cli.asking import add_json_flag, add_server_flags, ask, model_path
from headrace.cli.failure import Failure
from headrace.cli.parser import Parser, number
from headrace.printable import printable

EVERY_S = 1.0
"""Between two looks of whoever waits."""


def parser() -> Parser:
    made = Parser(
        "headrace rollout",
        description="Tell of a model's rollout, have a version take another's place by steps, or roll it back.",
    )
    made.add_argument("model", metavar="MODEL", help="the model's name")
    made.add_argument("version", metavar="VERSION", nargs="?", help="that is to answer; without it, it is told")
    made.add_argument("--steps", metavar="SHARE[,SHARE...]", help="rising, the last is 1; else 0.01,0.1,0.5,1")
    made.add_argument("--step-s", type=number, metavar="SECONDS", help="that a step lasts at least; else 60")
    made.add_argument("--min-requests", type=int, metavar="N", help="answers that a step takes at least; else 200")
    made.add_argument("--errors", type=number, metavar="SHARE", help="of requests that may fail; else 0.01")
    made.add_argument("--p99-ratio", type=number, metavar="TIMES", help="as slow it may be; else 1.5")
    made.add_argument("--difference", metavar="TOLERANCE,SHARE", help="how many answers may be further off than that")
    made.add_argument("--compare", type=number, metavar="SHARE", help="of requests that the other version is asked too")
    made.add_argument("--by", metavar="KEY", help="what stays with one version: header:NAME or tenant")
    made.add_argument("--back", action="store_true", help="roll it back")
    made.add_argument("--wait", action="store_true", help="until it has ended; exit code 1 where it was rolled back")
    add_json_flag(made)
    add_server_flags(made, timeout_s=300)
    return made


def run(arguments: Sequence[str], sleep: Callable[[float], None] = time.sleep) -> int:
    options = parser().parse_args(arguments)
    path = f"{model_path(options.model)}/rollout"
    sent = asked(options)
    if options.version:
        report = ask(options, "POST", path, {"to": options.version, **sent})
    elif sent:
        raise Failure("flags of a rollout go with the version that is to answer; name it", exit_code=2)
    else:
        report = ask(options, "DELETE" if options.back else "GET", path)
    if not options.json:
        in_lines(report)
    while options.wait and report["state"] == "running":
        sleep(EVERY_S)
        before, report = report, ask(options, "GET", path)
        if not options.json and (report["state"], report["step"]) != (before["state"], before["step"]):
            in_lines(report)
    if options.json:  # once, when there is nothing more to wait for
        print(json.dumps(report, indent=2))
    return int(options.wait and report["state"] == "rolled back")


def asked(options: Namespace) -> dict[str, Any]:
    """The body that flags ask for, without the version. Raises Failure."""
    if options.back and options.version:
        raise Failure("--back takes no version; leave it out", exit_code=2)
    sent: dict[str, Any] = {}
    if options.steps is not None:
        sent["steps"] = _numbers(options.steps, "--steps")
    for name in ("step_s", "min_requests"):
        if getattr(options, name) is not None:
            sent[name] = getattr(options, name)
    if options.by is not None:
        sent["key"] = options.by
    gates: dict[str, Any] = {
        name: getattr(options, name)
        for name in ("errors", "p99_ratio", "compare")
        if getattr(options, name) is not None
    }
    if options.difference is not None:
        numbers = _numbers(options.difference, "--difference")
        if len(numbers) != 2:
            raise Failure("--difference takes a tolerance and a share, as in 0.001,0.02", exit_code=2)
        gates["difference"] = {"tolerance": numbers[0], "share": numbers[1]}
    if gates:
        sent["gates"] = {"errors": 0.01, "p99_ratio": 1.5, **gates}
    return sent


def in_lines(report: dict[str, Any]) -> None:
    """A few lines of what is known."""
    base, to = report["base"], report["to"]
    reason = f": {report['reason']}" if report["reason"] else ""
    print(f"from version {base['version']} to {to['version']} {report['state']}{printable(reason)}")
    print(f"step {report['step']} of {len(report['steps'])}: {report['share']:.3g} of the requests")
    for each in (base, to):
        times = each["routed_ms"]
        took = f", p50 {times['p50']:.1f} ms, p99 {times['p99']:.1f} ms" if times else ""
        print(f"version {each['version']}: {each['requests']} requests, {each['failed']} failed{took}")
    if report["compared"] or report["dropped"]:
        print(f"compared {report['compared']}: {report['beyond']} differ; {report['dropped']} were not asked twice")


def _numbers(said: str, flag: str) -> list[float]:
    try:
        return [number(each) for each in said.split(",")]
    except ValueError:
        raise Failure(f"{flag} {said} are no numbers with commas between", exit_code=2) from None
