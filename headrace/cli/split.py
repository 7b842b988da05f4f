"""`headrace split`: how a running server shares a model's requests among its versions; have it do so by weights."""

from collections.abc import Sequence
from typing import Any

from headrace.cli.asking import add_json_flag, add_server_flags, ask, model_path, show
from headrace.cli.failure import Failure
from headrace.cli.parser import Parser, number


def parser() -> Parser:
    made = Parser(
        "headrace split",
        description="Tell how a model's requests are shared among its versions, or have them shared by weights.",
    )
    made.add_argument("model", metavar="MODEL", help="the model's name")
    made.add_argument("weights", metavar="VERSION=WEIGHT", nargs="*", help="as in 3=0.9 4=0.1; without, it is told")
    made.add_argument(
        "--by", metavar="KEY", default="", help="what stays with one version: header:NAME or tenant; else each is drawn"
    )
    made.add_argument("--remove", action="store_true", help="share them no longer")
    add_json_flag(made)
    add_server_flags(made, timeout_s=300)
    return made


def run(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    path = f"{model_path(options.model)}/split"
    if options.remove:
        if options.weights or options.by:
            raise Failure("--remove takes no weights and no key; leave them out", exit_code=2)
        show(options, ask(options, "DELETE", path), lambda _: print(f"{options.model} has no split"))
        return 0
    if options.weights:
        answer = ask(options, "PUT", path, {"weights": weights(options.weights), "key": options.by})
    elif options.by:
        raise Failure("--by goes with weights; write headrace split MODEL 3=0.9 4=0.1 --by KEY", exit_code=2)
    else:
        answer = ask(options, "GET", path)
    show(options, answer, _show)
    return 0


def _show(split: dict[str, Any]) -> None:
    for version, weight in split["weights"].items():
        now = f", now {split['now'].get(version, 0):.3g}" if "now" in split else ""
        print(f"version {version}: {weight:.3g}{now}")
    print(f"by {split['key']}" if split["key"] else "each request is drawn")


def weights(said: Sequence[str]) -> dict[str, float]:
    """Raises Failure where one is no version with its weight, or has two."""
    found: dict[str, float] = {}
    for each in said:
        version, _, weight = each.partition("=")
        if version in found:
            raise Failure(f"version {version} is given twice", exit_code=2)
        try:
            found[version] = number(weight)
        except ValueError:
            raise Failure(f"{each} is no version with its weight; write it like 4=0.1", exit_code=2) from None
    return found
