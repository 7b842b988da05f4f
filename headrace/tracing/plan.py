"""Where traces go, and which requests are kept: by the settings, and by OpenTelemetry's environment variables."""

from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from headrace.errors import SettingInvalid
from headrace.observe_settings import Trace

Protocol = Literal["http", "grpc"]

_PROTOCOLS: Mapping[str, Protocol] = {"http/protobuf": "http", "grpc": "grpc"}
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

    Raises SettingInvalid, naming the setting or variable that is wrong.
    """
    said = environment.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or environment.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    off = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    off = off or environment.get("OTEL_TRACES_EXPORTER", "otlp") == "none"
    if not trace.endpoint and (off or not said):
        return None
    protocol = trace.protocol if trace.protocol != "auto" else _protocol(environment)
    ratio, follows = _sampler(trace, environment)
    return Plan(protocol, _endpoint(trace.endpoint, protocol), ratio, follows, trace.max_per_s)


def _endpoint(endpoint: str, protocol: Protocol) -> str:
    if not endpoint:
        return ""
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise SettingInvalid(f"{endpoint!r} is no address such as http://collector:4318", "trace.endpoint")
    return f"{endpoint.rstrip('/')}/v1/traces" if protocol == "http" and parts.path in ("", "/") else endpoint


def _protocol(environment: Mapping[str, str]) -> Protocol:
    for name in ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        if said := environment.get(name):
            if said not in _PROTOCOLS:
                raise SettingInvalid(f"{said!r} is not spoken; it is one of {', '.join(_PROTOCOLS)}", name)
            return _PROTOCOLS[said]
    return "http"


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
