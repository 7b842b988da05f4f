"""Where metrics are pushed, how often, and as what: by the settings, and by OpenTelemetry's environment variables."""

from collections.abc import Mapping

import msgspec

from headrace.collector.address import Protocol, address
from headrace.errors import SettingInvalid
from headrace.observe_settings import PushedMetrics

EVERY_S = 60.0

_EVERY = "OTEL_METRIC_EXPORT_INTERVAL"
_TEMPORALITY = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"
_IS_DELTA = {"cumulative": False, "delta": True, "lowmemory": True}


class Plan(msgspec.Struct, frozen=True):
    """What is decided. `endpoint` is empty where the exporter finds it in its own variables."""

    protocol: Protocol
    endpoint: str
    every_s: float
    delta: bool  # what was added since the last push, not since the beginning


def plan(metrics: PushedMetrics, environment: Mapping[str, str]) -> Plan | None:
    """None where nobody said that metrics are pushed. A setting wins over a variable.

    Raises SettingInvalid, naming the setting or variable that is wrong, or where the library is not there.
    """
    found = address("metrics", metrics.endpoint, metrics.protocol, environment)
    if found is None:
        return None
    delta = metrics.temporality == "delta" if metrics.temporality != "auto" else _is_delta(environment)
    return Plan(found.protocol, found.endpoint, metrics.every_s or _every_s(environment), delta)


def _every_s(environment: Mapping[str, str]) -> float:
    said = environment.get(_EVERY)
    if not said:
        return EVERY_S
    if not (said.isascii() and said.isdigit() and 1000 <= int(said) <= 3_600_000):
        raise SettingInvalid(f"{said[:40]!r} is not a whole number of milliseconds from 1000 to 3600000", _EVERY)
    return int(said) / 1000


def _is_delta(environment: Mapping[str, str]) -> bool:
    said = environment.get(_TEMPORALITY, "") or "cumulative"
    if said.lower() not in _IS_DELTA:
        raise SettingInvalid(f"{said[:40]!r} is not one of {', '.join(_IS_DELTA)}", _TEMPORALITY)
    return _IS_DELTA[said.lower()]
