"""`headrace profile`: which operators of a model take its time, on a running server."""

from collections.abc import Sequence
from urllib.parse import urlencode

from headrace.cli.asking import add_server_flags, ask
from headrace.cli.console import console, table
from headrace.cli.failure import Failure
from headrace.cli.parser import Parser
from headrace.cli.results import as_json
from headrace.printable import printable

TOP = 20


def parser() -> Parser:
    made = Parser("headrace profile", description="Which operators of a model take its time.")
    made.add_argument("model", metavar="MODEL", help="the model's name")
    made.add_argument("--version", type=int, metavar="N", help="the version; else what answers by default")
    made.add_argument("--runs", type=int, default=20, metavar="N", help="how often it is run; else 20")
    made.add_argument("--top", type=int, default=TOP, metavar="N", help=f"operators that are shown; else {TOP}")
    made.add_argument("--json", action="store_true", help="the server's own words, all operators, as one JSON object")
    add_server_flags(made, timeout_s=330)
    return made


def run(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    if options.top < 1:
        raise Failure(f"--top {options.top} is no number of operators; give 1 or more", exit_code=2)
    asked = {"operators": options.model, "runs": options.runs}
    if options.version is not None:
        asked["version"] = options.version
    told = ask(options, "POST", f"/v2/headrace/profile?{urlencode(asked)}")
    if options.json:
        print(as_json(told), end="")
        return 0
    out = console()
    out.print(
        f"{printable(told['model'])}/{told['version']} on {told['runtime']}, {told['threads']} threads, "
        f"{told['inputs']} inputs: {told['runs']} runs of {told['run_us'] / 1000:g} ms each, counting included."
    )
    rows = table("operator", "type", "gives", "calls", "mean us", "share")
    shown = told["operators"][: options.top]
    for each in shown:
        share = f"{each['share']:.1%}"
        name, kind, shape = (printable(each[key]) for key in ("name", "type", "shape"))
        rows.add_row(name, kind, shape, f"{each['calls']:g}", f"{each['mean_us']:g}", share)
    out.print(rows)
    rest = told["operators"][len(shown) :]
    if rest:
        out.print(f"... and {len(rest)} more, {sum(each['share'] for each in rest):.1%} of the time; --top shows them.")
    return 0
