"""`headrace why`: what changed for a model of a running server, when, and by what."""

import re
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote

from headrace.cli.asking import add_server_flags, ask
from headrace.cli.console import console
from headrace.cli.failure import Failure
from headrace.cli.parser import Parser
from headrace.cli.results import as_json
from headrace.printable import printable

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "": 1}


def parser() -> Parser:
    made = Parser("headrace why", description="What changed for a model, when, and by what.")
    made.add_argument("model", metavar="MODEL", help="the model's name")
    made.add_argument(
        "--since", default="1h", metavar="TIME", help="how far to look back, as in 90s, 10m or 1h; else 1h"
    )
    made.add_argument("--json", action="store_true", help="the answer as JSON, the likeliest cause first")
    add_server_flags(made, timeout_s=30)
    return made


def run(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    seconds = seconds_of(options.since)
    answer = ask(options, "GET", f"/v2/headrace/why/{quote(options.model, safe='')}?since={seconds}")
    if options.json:
        print(as_json(answer), end="")
        return 0
    shown = console()
    if not answer["findings"]:
        shown.print(f"nothing of {printable(options.model)} changed for the worse in the last {options.since}")
    for finding in answer["findings"]:
        when = moment(finding["at"])
        cause, event = finding["cause"], finding["cause"]["event"]
        shown.print(f"{when}  {finding['signal']} x{finding['ratio']:g}  {cause['kind']} ({finding['score']:.0%})")
        for line in finding["evidence"]:
            shown.print(f"    {printable(line)}")
        if event:
            shown.print(f"    change {event['id']} of {moment(event['at'])}, by {printable(event['actor'])}")
    return 0


def seconds_of(said: str) -> int:
    """Raises Failure."""
    match = re.fullmatch(r"(\d{1,7})([smhd]?)", said)
    if match is None or not int(match[1]):
        raise Failure(f"--since {printable(said)} is not a time; give one as in 90s, 10m or 1h", exit_code=2)
    return int(match[1]) * _UNITS[match[2]]


def moment(said: str) -> str:
    """RFC 3339 in this machine's own zone."""
    try:
        return datetime.fromisoformat(said).astimezone().isoformat(sep=" ", timespec="seconds")
    except ValueError:
        return printable(said)
