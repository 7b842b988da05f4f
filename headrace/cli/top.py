"""`headrace top`: every version of a running server and what it does now, live in the terminal."""

import json
import sys
import time
from collections.abc import Sequence
from typing import Any

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from headrace.cli.asking import add_server_flags, ask
from headrace.cli.connection import check_seconds
from headrace.cli.console import console, table
from headrace.cli.parser import Parser
from headrace.memory.sizes import shown
from headrace.numerals import numeral
from headrace.printable import printable

ORDERS = {"rate": "rate", "p99": "p99_ms", "errors": "errors_per_s", "memory": "memory_bytes", "waiting": "queued"}
COLUMNS = "model", "version", "state", "requests/s", "errors/s", "p50", "p99", "rows/run", "waiting", "memory"
TEXTS = 3  # columns that are not numbers


def parser() -> Parser:
    made = Parser("headrace top", description="Every version of a running server and what it does now.")
    made.add_argument("--sort", choices=(*ORDERS, "name"), default="rate", help="what comes first; else rate")
    made.add_argument("--every", type=float, default=2.0, metavar="SECONDS", help="how often to look; else 2")
    made.add_argument("--once", action="store_true", help="look once; also where the output is no terminal")
    made.add_argument("--json", action="store_true", help="look once: the server's own words, as one JSON object")
    add_server_flags(made, timeout_s=30)
    return made


def run(arguments: Sequence[str]) -> int:
    """Until it is interrupted, where it is not to look once."""
    options = parser().parse_args(arguments)
    check_seconds("--every", options.every)
    told = ask(options, "GET", "/v2/headrace/overview")
    if options.json:
        print(json.dumps(told, indent=2))
    elif options.once or not sys.stdout.isatty():
        console().print(screen(told, options.sort))
    else:
        with Live(screen(told, options.sort), console=console(), screen=True, auto_refresh=False) as live:
            while True:
                time.sleep(options.every)
                live.update(screen(ask(options, "GET", "/v2/headrace/overview"), options.sort), refresh=True)
    return 0


def screen(told: dict[str, Any], order: str) -> Group:
    """The server in a line, and a row for each version: the busiest first, or whatever is asked for."""
    return Group(Text(_server(told["server"], told["models"])), _rows(told["models"], order))


def _server(server: dict[str, Any], rows: Sequence[dict[str, Any]]) -> str:
    ready = sum(row["state"] == "READY" for row in rows)
    rate = sum(row["rate"] for row in rows)
    budget = f" of {shown(server['budget_bytes'])}" if server["budget_bytes"] else ""
    memory = f"{shown(server['memory_bytes'])}{budget}" if server["memory_bytes"] else "–"
    return (
        f"{server['name']} {server['version']}, up {_time(server['uptime_s'])}: {ready} of {len(rows)} versions ready, "
        f"{_number(rate)} requests/s, {server['in_flight']} under way, memory {memory}"
    )


def _rows(rows: Sequence[dict[str, Any]], order: str) -> Table:
    made = table(*COLUMNS)
    for column in made.columns[TEXTS:]:
        column.justify = "right"
    for row in sorted(rows, key=lambda row: _key(row, order)):
        labels = f" ({', '.join(row['labels'])})" if row["labels"] else ""
        failing = row["state"] == "UNAVAILABLE" and not row["reason"].startswith("unloaded")
        made.add_row(
            Text(printable(row["name"])),
            Text(f"{row['version']}{labels}"),
            Text(row["state"].lower(), style="red" if failing else ""),
            _number(row["rate"]),
            Text(_number(row["errors_per_s"]), style="red" if row["errors_per_s"] else ""),
            _milliseconds(row["p50_ms"]),
            _milliseconds(row["p99_ms"]),
            "–" if row["rows"] is None else _number(row["rows"]),
            str(row["queued"]),
            shown(row["memory_bytes"]) if row["memory_bytes"] else "–",
        )
    return made


def _key(row: dict[str, Any], order: str) -> tuple[float, str, str]:
    value = row[ORDERS[order]] if order in ORDERS else 0
    return -(value or 0), row["name"], row["version"]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else numeral(value)


def _milliseconds(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{numeral(value / 1000)} s" if value >= 1000 else f"{numeral(value)} ms"


def _time(seconds: float) -> str:
    minutes, _ = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "min")]
    told = [f"{value} {unit}" for value, unit in parts if value]
    return " ".join(told[:2]) or f"{int(seconds)} s"
