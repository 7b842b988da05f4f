"""`headrace memory`: who holds how much memory on a running server, reserved and measured side by side."""

from collections.abc import Sequence
from typing import Any

from headrace.cli.asking import add_json_flag, add_server_flags, ask, show
from headrace.cli.console import console, table
from headrace.cli.parser import Parser
from headrace.memory.sizes import shown


def parser() -> Parser:
    made = Parser("headrace memory", description="Who holds how much memory on a running server.")
    add_json_flag(made)
    add_server_flags(made, timeout_s=30)
    return made


def run(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    told = ask(options, "GET", "/v2/headrace/memory")
    show(options, told, _show)
    return 0


def _show(told: dict[str, Any]) -> None:
    out, rows = console(), table("who", "", "reserved", "measured")
    for part in told["parts"]:
        rows.add_row(part["part"], "", shown(part["reserved_bytes"]), shown(part["measured_bytes"]))
    for model in told["models"]:
        who = f"{model['name']}/{model['version']}"
        what = f"{model['stage']}{', pinned' if model['pinned'] else ''}"
        rows.add_row(who, what, shown(model["reserved_bytes"]), shown(model["measured_bytes"]))
    rows.add_row("all", "", shown(told["reserved_bytes"]), shown(told["measured_bytes"]))
    out.print(rows)
    out.print(_budget(told))
    if pressure := told["pressure"]:
        out.print(
            f"Stalled for want of memory: {pressure['full']:g} % of the time, by the account of {pressure['of']}."
        )


def _budget(told: dict[str, Any]) -> str:
    if told["budget_bytes"] is None:
        return "No budget; memory.budget sets one."
    return f"Budget {shown(told['budget_bytes'])}, of which {shown(told['free_bytes'])} are free."
