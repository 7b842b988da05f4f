"""`headrace events`: what happened to a model of a running server, and why; newest first."""

import json
from collections.abc import Sequence
from datetime import datetime

from headrace.cli.asking import add_server_flags, ask, model_path
from headrace.cli.console import console, table
from headrace.cli.parser import Parser


def parser() -> Parser:
    made = Parser("headrace events", description="What happened to a model since the server started.")
    made.add_argument("model", metavar="MODEL", help="the model's name")
    made.add_argument("--json", action="store_true", help="a JSON array, newest first")
    add_server_flags(made, timeout_s=30)
    return made


def run(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    events = ask(options, "GET", f"{model_path(options.model)}/events")
    if options.json:
        print(json.dumps(events, indent=2))
        return 0
    shown = table("time", "version", "what", "state", "reason")
    for event in events:
        when = datetime.fromtimestamp(event["time"]).astimezone().isoformat(sep=" ", timespec="milliseconds")
        reason = "; ".join(event[key] for key in ("reason", "cause") if event.get(key))
        shown.add_row(when, event.get("version", ""), event["what"], event["state"], reason)
    console().print(shown)
    return 0
