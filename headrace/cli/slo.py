"""`headrace slo`: what models of a running server promise, and what is left of their error budgets."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from headrace.cli.asking import add_json_flag, add_server_flags, ask, show
from headrace.cli.console import console, table
from headrace.cli.parser import Parser
from headrace.numerals import numeral
from headrace.printable import printable


def parser() -> Parser:
    made = Parser("headrace slo", description="What models promise, and what is left of their error budgets.")
    made.add_argument("model", metavar="MODEL", nargs="?", help="the model's name; without it, every model")
    add_json_flag(made)
    add_server_flags(made, timeout_s=30)
    return made


def run(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    path = "/v2/headrace/slo"
    told = ask(options, "GET", f"{path}/{quote(options.model, safe='')}" if options.model else path)
    show(options, told, lambda of: _show(of.get("models", [of])))
    return 0


def _show(models: list[dict[str, Any]]) -> None:
    rates = next((list(each["burn_rates"]) for model in models for each in model["objectives"]), [])
    rows = table(
        "model", "objective", "target", "kept", "good", "bad", "budget left", *(f"burn {each}" for each in rates)
    )
    for model in models:
        for each in model["objectives"]:
            limit = "" if each["limit_ms"] is None else f" {each['limit_ms']:g}"
            kept = "" if each["ratio"] is None else f"{each['ratio']:.3%}"
            burns = (numeral(rate) for rate in each["burn_rates"].values())
            figures = f"{each['target']:.6g}", kept, str(each["good"]), str(each["bad"])
            left = f"{each['budget_remaining']:.1%}"
            rows.add_row(printable(model["model"]), f"{each['objective']}{limit}", *figures, left, *burns)
    if rates:
        console().print(rows)
    else:
        console().print("Nothing is promised: slo.availability is 0, and no model has an objective.")
