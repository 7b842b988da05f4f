"""The settings of what watches: logs, traces, drift, alerts, costs; one struct a table, as in `settings.py`."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta


class Log(msgspec.Struct, frozen=True):
    """What the server writes to standard error."""

    format: Annotated[Literal["text", "json"], Meta(description="Lines for people, or one JSON object a line.")] = (
        "text"
    )
    level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="The least important lines that are written.")
    ] = "info"
