"""The flags that every verb with settings takes, and the settings that come of them."""

import os
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path

from headrace.cli.parser import Parser
from headrace.config import Given, Loaded, from_assignment, load_config


def add_setting_flags(parser: Parser) -> None:
    """--config and --set."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="a TOML file of settings; else $HEADRACE_CONFIG")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="assignments",
        metavar="KEY=VALUE",
        help="one setting, as in --set batching.max_delay_ms=2; may be repeated",
    )


def settings_of(options: Namespace, named: Mapping[str, str] | None = None) -> Loaded:
    """The settings in force. `named`: flag -> the setting it is short for; one not given is None in `options`.

    Raises SettingInvalid.
    """
    flags = [from_assignment(assignment) for assignment in options.assignments]
    for flag, key in (named or {}).items():
        value = getattr(options, flag.removeprefix("--").replace("-", "_"))
        if value is not None:
            flags.append(Given(key, value, flag))
    return load_config(options.config, os.environ, flags)
