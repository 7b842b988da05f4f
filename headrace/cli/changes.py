"""`headrace changes`: what changed on a running server, newest first; or say what changed elsewhere."""

from collections.abc import Sequence
from urllib.parse import urlencode

from headrace.cli.asking import add_server_flags, ask
from headrace.cli.console import console, table
from headrace.cli.failure import Failure
from headrace.cli.parser import Parser
from headrace.cli.results import as_json
from headrace.cli.why import moment, seconds_of


def parser() -> Parser:
    made = Parser("headrace changes", description="What changed on a running server, newest first.")
    made.add_argument("--model", default="", metavar="MODEL", help="only what concerns this model; else all")
    made.add_argument(
        "--since", default="1h", metavar="TIME", help="how far to look back, as in 90s, 10m or 1h; else 1h"
    )
    made.add_argument("--add", metavar="TEXT", help="add a notice of what changed outside the server")
    made.add_argument("--at", default="", metavar="TIME", help="when that was, as 2026-03-01T12:00:00Z; else now")
    made.add_argument("--json", action="store_true", help="the answer as JSON")
    add_server_flags(made, timeout_s=30)
    return made


def run(arguments: Sequence[str]) -> int:
    made = parser()
    options = made.parse_args(arguments)
    if options.at and options.add is None:
        raise Failure("--at is when what --add notes was; give both", exit_code=2)
    if options.add is not None:
        if not options.add.strip():
            raise Failure("--add is empty; say what changed", exit_code=2)
        if "since" in made.given(arguments):
            raise Failure("--since is of changes that are shown; leave it out beside --add", exit_code=2)
        said = {"text": options.add, "model": options.model, "at": options.at or None}
        kept = ask(options, "POST", "/v2/headrace/changes", {name: each for name, each in said.items() if each})
        print(as_json(kept) if options.json else f"change {kept['id']} is noted for {moment(kept['at'])}\n", end="")
        return 0
    asked = {"since": seconds_of(options.since), **({"model": options.model} if options.model else {})}
    answer = ask(options, "GET", f"/v2/headrace/changes?{urlencode(asked)}")
    if options.json:
        print(as_json(answer), end="")
        return 0
    shown = table("time", "model", "kind", "what", "by")
    for each in answer["changes"]:
        shown.add_row(moment(each["at"]), *(each[name] for name in ("model", "kind", "text", "actor")))
    console().print(shown)
    return 0
