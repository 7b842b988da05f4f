"""Where traces or metrics go, by the settings and by OpenTelemetry's environment variables; a setting goes first."""

import importlib.util
from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from headrace.errors import SettingInvalid

Protocol = Literal["http", "grpc"]
Signal = Literal["traces", "metrics"]

_LIBRARY = "opentelemetry.sdk"
_PROTOCOLS: Mapping[str, Protocol] = {"http/protobuf": "http", "grpc": "grpc"}
_TABLES: Mapping[Signal, str] = {"traces": "trace", "metrics": "metrics"}


class Address(msgspec.Struct, frozen=True):
    """`endpoint` is empty where the exporter finds it in its own variables."""

    protocol: Protocol
    endpoint: str


def address(
    signal: Signal, endpoint: str, protocol: Literal["auto", "http", "grpc"], environment: Mapping[str, str]
) -> Address | None:
    """As the settings, here the endpoint and the protocol, and the environment want it; None where it goes nowhere.

    Raises SettingInvalid, naming the setting or variable that is wrong, or where the library is not there.
    """
    upper = signal.upper()
    said = environment.get(f"OTEL_EXPORTER_OTLP_{upper}_ENDPOINT") or environment.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    off = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    off = off or environment.get(f"OTEL_{upper}_EXPORTER", "otlp") == "none"
    if not endpoint and (off or not said):
        return None
    setting = f"{_TABLES[signal]}.endpoint"
    spoken = protocol if protocol != "auto" else _protocol(upper, environment)
    found = Address(spoken, _endpoint(endpoint, spoken, signal, setting))
    if not _is_there():
        raise SettingInvalid(f"{signal} need OpenTelemetry: pip install 'headrace[telemetry]'", setting)
    return found


def _endpoint(endpoint: str, protocol: Protocol, signal: Signal, setting: str) -> str:
    if not endpoint:
        return ""
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise SettingInvalid(f"{endpoint!r} is no address such as http://collector:4318", setting)
    return f"{endpoint.rstrip('/')}/v1/{signal}" if protocol == "http" and parts.path in ("", "/") else endpoint


def _protocol(upper: str, environment: Mapping[str, str]) -> Protocol:
    for name in (f"OTEL_EXPORTER_OTLP_{upper}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        if said := environment.get(name):
            if said not in _PROTOCOLS:
                raise SettingInvalid(f"{said!r} is not spoken; it is one of {', '.join(_PROTOCOLS)}", name)
            return _PROTOCOLS[said]
    return "http"


def _is_there() -> bool:
    try:
        return importlib.util.find_spec(_LIBRARY) is not None
    except ModuleNotFoundError:
        return False
