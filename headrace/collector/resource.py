"""Who tells it, in OpenTelemetry's words: the server, as its environment names it."""

from collections.abc import Mapping
from typing import Any

from opentelemetry.sdk.resources import Resource


def resource_of(environment: Mapping[str, str], version: str) -> Resource:
    """`OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` go before what we would say."""
    own: dict[str, Any] = {"service.name": "headrace", "service.version": version}
    said = environment.get("OTEL_RESOURCE_ATTRIBUTES", "")
    named = {each.partition("=")[0].strip() for each in said.split(",")}
    if environment.get("OTEL_SERVICE_NAME"):
        named.add("service.name")
    return Resource.create({name: value for name, value in own.items() if name not in named})
