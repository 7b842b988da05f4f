"""`headrace models`: what a folder of models holds, and how each would be served; loads each to see."""

from collections.abc import Sequence

from headrace.cli.console import console
from headrace.cli.listing import as_json, listed, print_listing
from headrace.cli.parser import Parser
from headrace.cli.repository import kept, place
from headrace.cli.settings import add_setting_flags, settings_of


def parser() -> Parser:
    made = Parser("headrace models", description="What a folder of models holds; loads each model to see.")
    made.add_argument(
        "repository", metavar="REPO|FILE|ADDRESS", help="a folder of models, one model file, or an address"
    )
    made.add_argument("--json", action="store_true", help="a JSON array, one object for each version")
    add_setting_flags(made)
    return made


def run(arguments: Sequence[str]) -> int:
    """Exit code 1 where a version cannot be served."""
    options = parser().parse_args(arguments)
    config = settings_of(options).config
    where = place(options.repository)
    from headrace.inspection import inspect
    from headrace.repository.foreign import advice_for

    with kept(where, config) as repository:
        versions = listed(*inspect(config, repository.path))
        advice = "" if versions else advice_for(repository.path)
    if options.json:
        print(as_json(versions))
    else:
        print_listing(versions, console(), advice)
    return int(any(each.status.state == "UNAVAILABLE" for each in versions))
