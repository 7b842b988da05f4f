"""`headrace pin`: keep a model in a running server's memory, or let it go when others want room."""

from collections.abc import Sequence

from headrace.cli.asking import add_json_flag, add_server_flags, ask, model_path, show
from headrace.cli.parser import Parser


def parser() -> Parser:
    made = Parser("headrace pin", description="Keep a model in memory, whoever else wants room.")
    made.add_argument("model", metavar="MODEL", help="the model's name")
    made.add_argument("--remove", action="store_true", help="let it go when others want room")
    add_json_flag(made)
    add_server_flags(made, timeout_s=300)
    return made


def run(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    answer = ask(options, "PUT", f"{model_path(options.model)}/pin", {"pinned": not options.remove})
    is_now = "no longer pinned" if options.remove else "pinned"
    show(options, answer, lambda _: print(f"{options.model} is {is_now}"))
    return 0
