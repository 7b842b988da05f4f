"""`headrace config`: every setting, its value, where it comes from and what it means."""

from collections.abc import Sequence

import msgspec

from headrace.cli.console import console, table
from headrace.cli.parser import Parser
from headrace.cli.settings import add_setting_flags, settings_of
from headrace.config import Loaded, setting_of


def parser() -> Parser:
    made = Parser("headrace config", description="Every setting, its value and where it comes from.")
    add_setting_flags(made)
    made.add_argument("--json", action="store_true", help="one JSON object, by setting")
    return made


def run(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    loaded = settings_of(options)
    if options.json:
        print(_as_json(loaded))
        return 0
    shown = table("setting", "value", "from", "meaning")
    for key, value in loaded.values().items():
        given = loaded.sources[key] != "default"
        text = str(value).lower() if isinstance(value, bool) else str(value)
        shown.add_row(key, text, loaded.sources[key], _meaning(key), style="bold" if given else "")
    console().print(shown)
    return 0


def _as_json(loaded: Loaded) -> str:
    settings = {
        key: {"value": value, "source": loaded.sources[key], "meaning": _meaning(key)}
        for key, value in loaded.values().items()
    }
    return msgspec.json.format(msgspec.json.encode(settings)).decode()


def _meaning(key: str) -> str:
    setting = setting_of(key)
    return setting.meaning if setting else ""
