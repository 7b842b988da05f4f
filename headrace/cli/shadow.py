"""`headrace shadow`: how a candidate answers what others are asked on a running server, and have one asked."""

from collections.abc import Sequence
from typing import Any

from headrace.cli.asking import add_json_flag, add_server_flags, ask, model_path, show
from headrace.cli.failure import Failure
from headrace.cli.parser import Parser, number
from headrace.numerals import numeral


def parser() -> Parser:
    made = Parser(
        "headrace shadow",
        description="Tell how far a candidate's answers are from those served, or have a version asked as one.",
    )
    made.add_argument("model", metavar="MODEL", help="the model's name")
    made.add_argument("version", metavar="VERSION", nargs="?", help="that is asked besides; without it, it is told")
    made.add_argument("--share", type=number, help="part of the requests that it is asked; else 1")
    made.add_argument("--tolerance", type=number, help="largest difference that is none; else 0.001")
    made.add_argument("--remove", action="store_true", help="ask none any more")
    add_json_flag(made)
    add_server_flags(made, timeout_s=300)
    return made


def run(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    path = f"{model_path(options.model)}/shadow"
    asked = {name: value for name in ("share", "tolerance") if (value := getattr(options, name)) is not None}
    if asked and (options.remove or not options.version):
        raise Failure("--share and --tolerance go with the version that is asked besides", exit_code=2)
    if options.remove:
        if options.version:
            raise Failure("--remove takes no version; leave it out", exit_code=2)
        show(options, ask(options, "DELETE", path), lambda _: print(f"{options.model} has no shadow"))
        return 0
    if options.version:
        answer = ask(options, "PUT", path, {"version": options.version, **asked})
    else:
        answer = ask(options, "GET", path)
    show(options, answer, _show)
    return 0


def _show(report: dict[str, Any]) -> None:
    print(f"version {report['version']} is asked {report['share']:.3g} of the requests")
    print(f"compared {report['compared']}, failed {report['failed']}, dropped {report['dropped']}")
    beyond, share = report["beyond"], report["share_beyond"]
    print(f"beyond {report['tolerance']:g}: {beyond} ({share:.2%})")
    largest, relative = report["max_absolute_difference"], report["max_relative_difference"]
    print(f"largest difference {numeral(largest)}, relative {numeral(relative)}")
    for what, times in (("served", report["served_ms"]), ("shadow", report["shadow_ms"])):
        if times:
            print(f"{what} p50 {times['p50']:.1f} ms, p99 {times['p99']:.1f} ms")
