"""`headrace rollback`: have a running server return to the version of a model that it served before."""

from collections.abc import Sequence

from headrace.cli.asking import add_json_flag, add_server_flags, ask, model_path, show
from headrace.cli.parser import Parser


def parser() -> Parser:
    made = Parser("headrace rollback", description="Return to the version that was served before.")
    made.add_argument("model", metavar="MODEL", help="the model's name")
    add_json_flag(made)
    add_server_flags(made, timeout_s=300)
    return made


def run(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    answer = ask(options, "POST", f"{model_path(options.model)}/rollback")
    show(options, answer, lambda now: print(f"{options.model} is version {now['version']} again"))
    return 0
