"""`headrace label`: where the labels of a model lead on a running server, and have one lead elsewhere."""

from collections.abc import Sequence
from urllib.parse import quote

from headrace.cli.asking import add_json_flag, add_server_flags, ask, model_path, show
from headrace.cli.failure import Failure
from headrace.cli.parser import Parser


def parser() -> Parser:
    made = Parser(
        "headrace label",
        description="Tell where a model's labels lead, or have one lead to a version once it is ready.",
    )
    made.add_argument("model", metavar="MODEL", help="the model's name")
    made.add_argument("label", metavar="LABEL", nargs="?", help="as in stable; without it, all are told")
    made.add_argument("version", metavar="VERSION", nargs="?", help="the version that it is to lead to")
    made.add_argument("--remove", action="store_true", help="take back what was said of the label")
    add_json_flag(made)
    add_server_flags(made, timeout_s=300)
    return made


def run(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    labels = f"{model_path(options.model)}/labels"
    if options.label is None:
        if options.remove:
            raise Failure("--remove takes a label; write headrace label MODEL LABEL --remove", exit_code=2)
        show(options, ask(options, "GET", labels), _show)
        return 0
    if (options.version is None) != options.remove:
        raise Failure(f"say where {options.label} is to lead with VERSION, or take it back with --remove", exit_code=2)
    path = f"{labels}/{quote(options.label, safe='')}"
    if options.remove:
        answer = ask(options, "DELETE", path)
        show(options, answer, lambda _: print(f"{options.model}@{options.label} is taken back"))
    else:
        answer = ask(options, "PUT", path, {"version": options.version})
        show(options, answer, lambda now: print(f"{options.model}@{options.label} is version {now['version']}"))
    return 0


def _show(labels: dict[str, str]) -> None:
    for label, version in labels.items():
        print(f"{label} {version}")
    if not labels:
        print("no labels")
