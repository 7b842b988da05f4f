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
    max_per_s: Annotated[
        int,
        Meta(ge=0, le=100_000, description="Most lines a second about requests; of more, one in so many has its line."),
    ] = 1000
    max_notable_per_s: Annotated[
        int,
        Meta(ge=1, le=100_000, description="Most lines a second about requests that failed or were slow."),
    ] = 5000
    slow_ms: Annotated[
        float,
        Meta(
            ge=0,
            le=3_600_000,
            description="A request that takes longer is slow; 0: than twice what 99 in 100 of its version's took.",
        ),
    ] = 0.0
    file: Annotated[
        str, Meta(description="The file that is written to.", extra={"takes": "a path, or nothing: standard error"})
    ] = ""
    max_bytes: Annotated[
        int, Meta(ge=4096, le=2**40, description="How large that file may become before another is begun.")
    ] = 100 * 1024 * 1024
    keep: Annotated[int, Meta(ge=0, le=1000, description="How many of the files before it are kept.")] = 5


class Cost(msgspec.Struct, frozen=True):
    """What the machine costs."""

    per_hour: Annotated[
        float,
        Meta(ge=0, le=1_000_000, description="What the machine costs an hour, in US dollars; 0: no price is told."),
    ] = 0.0


Spoken = Annotated[
    Literal["auto", "http", "grpc"], Meta(description="How that is spoken to: OTLP over HTTP or over gRPC.")
]
"""The protocol of a collector."""


class Trace(msgspec.Struct, frozen=True):
    """Traces of requests, sent to a collector of OpenTelemetry's."""

    endpoint: Annotated[
        str,
        Meta(
            description="The collector that traces are sent to.",
            extra={"takes": "an address such as http://collector:4318, or nothing: $OTEL_EXPORTER_OTLP_ENDPOINT"},
        ),
    ] = ""
    protocol: Spoken = "auto"
    ratio: Annotated[
        float, Meta(ge=0, le=1, description="The share of requests that are kept whose client says nothing of traces.")
    ] = 0.01
    max_per_s: Annotated[int, Meta(ge=1, le=100_000, description="Most requests a second whose traces are kept.")] = 50


class PushedMetrics(msgspec.Struct, frozen=True):
    """Metrics sent to a collector of OpenTelemetry's, besides the page that Prometheus reads."""

    endpoint: Annotated[
        str,
        Meta(
            description="The collector that metrics are pushed to.",
            extra={"takes": "an address such as http://collector:4318, or nothing: $OTEL_EXPORTER_OTLP_ENDPOINT"},
        ),
    ] = ""
    protocol: Spoken = "auto"
    every_s: Annotated[
        float,
        Meta(ge=0, le=3600, description="How often; 0: as $OTEL_METRIC_EXPORT_INTERVAL says, or every 60 seconds."),
    ] = 0.0
    temporality: Annotated[
        Literal["auto", "cumulative", "delta"],
        Meta(
            description="Whether counters tell all since their beginning, or what was added since the last push.",
        ),
    ] = "auto"


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


class Changes(msgspec.Struct, frozen=True):
    """What changed, and what followed from it."""

    enabled: Annotated[bool, Meta(description="Keep a log of what changes, and what tells why a model got worse.")] = (
        True
    )


class History(msgspec.Struct, frozen=True):
    """What each model did over time, kept for the dashboard."""

    enabled: Annotated[bool, Meta(description="Keep what each model did, for 35 days.")] = True


class Capture(msgspec.Struct, frozen=True):
    """Which requests are kept with their answers, to be asked again or learned from."""

    ratio: Annotated[
        float, Meta(ge=0, le=1, description="Share of runs whose requests and answers are kept; 0: none.")
    ] = 0.0
    models: Annotated[
        str,
        Meta(
            description="The models whose requests may be kept.",
            extra={"takes": "names of models with commas between, or nothing: all"},
        ),
    ] = ""
    redact: Annotated[
        str,
        Meta(
            description="What must not be kept of them.",
            extra={"takes": "rules as in text=mask, image=drop, *=zero, or nothing"},
        ),
    ] = ""
    max_bytes: Annotated[int, Meta(ge=1024, le=2**40, description="How much is kept; of more, the oldest goes.")] = (
        256 * 1024 * 1024
    )
