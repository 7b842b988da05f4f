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


class Drift(msgspec.Struct, frozen=True):
    """Whether what models are asked, and what they answer, is still what it was."""

    enabled: Annotated[bool, Meta(description="Compare what models are asked, and what they answer, with before.")] = (
        True
    )
    reference: Annotated[
        int, Meta(ge=100, le=10_000, description="Rows of a model that show what is usual: the first so many.")
    ] = 2000
    window: Annotated[int, Meta(ge=100, le=10_000, description="Rows that are compared with those at once.")] = 500
    max_per_s: Annotated[
        float, Meta(ge=1, le=1e6, description="Most rows a second that are looked at; of more, one in so many.")
    ] = 5000.0
    max_features: Annotated[int, Meta(ge=1, le=1024, description="Most features that are watched of a model.")] = 128
    level: Annotated[
        float,
        Meta(gt=0, le=0.1, description="The chance that one window of a model raises an alarm where nothing changed."),
    ] = 0.001


class History(msgspec.Struct, frozen=True):
    """What each model did over time, kept for the dashboard."""

    enabled: Annotated[bool, Meta(description="Keep what each model did, for 35 days.")] = True
