"""Where traces go, and which requests are kept: by the settings, and by OpenTelemetry's environment variables."""

from collections.abc import Mapping

import msgspec

from headrace.collector.address import Protocol, address
from headrace.errors import SettingInvalid
from headrace.observe_settings import Trace

_RATIOS = {"always_on": 1.0, "always_off": 0.0}


class Plan(msgspec.Struct, frozen=True):
    """What is decided. `endpoint` is empty where the exporter finds it in its own variables."""

    protocol: Protocol
    endpoint: str
    ratio: float  # of requests whose client says nothing of traces
    follows_clients: bool  # what a traceparent says of sampling holds
    max_per_s: int


def plan(trace: Trace, environment: Mapping[str, str]) -> Plan | None:
    """None where nobody said that traces go anywhere. A setting wins over a variable.

    Raises SettingInvalid, naming the setting or variable that is wrong, or where the library is not there.
    """
    found = address("traces", trace.endpoint, trace.protocol, environment)
    if found is None:
        return None
    ratio, follows = _sampler(trace, environment)
    return Plan(found.protocol, found.endpoint, ratio, follows, trace.max_per_s)


def _sampler(trace: Trace, environment: Mapping[str, str]) -> tuple[float, bool]:
    """The ratio, and whether clients say for themselves."""
    said = environment.get("OTEL_TRACES_SAMPLER", "")
    if not said:
        return trace.ratio, True
    kind, follows = said.removeprefix("parentbased_"), said.startswith("parentbased_")
    if kind in _RATIOS:
        return _RATIOS[kind], follows
    if kind != "traceidratio":
        known = ", ".join(["traceidratio", *_RATIOS])
        raise SettingInvalid(f"{said!r} is no sampler: one of {known}, each also parentbased_", "OTEL_TRACES_SAMPLER")
    argument = environment.get("OTEL_TRACES_SAMPLER_ARG", "1")
    try:
        ratio = float(argument)
    except ValueError:
        ratio = -1.0
    if not 0 <= ratio <= 1:
        raise SettingInvalid(f"{argument!r} is not a number from 0 to 1", "OTEL_TRACES_SAMPLER_ARG")
    return ratio, follows
