"""`headrace pin`: keep a model in a running server's memory, or let it go when others want room."""

from collections.abc import Sequence

from headrace.cli.asking import add_server_flags, ask, model_path
from headrace.cli.parser import Parser


def parser() -> Parser:
    made = Parser("headrace pin", description="Keep a model in memory, whoever else wants room.")
    made.add_argument("model", metavar="MODEL", help="the model's name")
    made.add_argument("--remove", action="store_true", help="let it go when others want room")
    add_server_flags(made, timeout_s=300)
    return made


def run(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    ask(options, "PUT", f"{model_path(options.model)}/pin", {"pinned": not options.remove})
    print(f"{options.model} is {'no longer pinned' if options.remove else 'pinned'}")
    return 0
