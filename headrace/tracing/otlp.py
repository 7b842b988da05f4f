"""Spans as OpenTelemetry has them, sent by its exporters."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext

from headrace.collector.resource import resource_of
from headrace.tracing.encoding import field, span_field
from headrace.tracing.plan import Plan
from headrace.tracing.spans import Span

MOST_AT_ONCE = 512  # spans of one message
FEW = 32  # spans that are encoded without a rest: about a fifth of a millisecond
REST_S = 0.001


class Otlp:
    """An exporter over HTTP or gRPC. What the plan leaves open is in OpenTelemetry's environment variables."""

    def __init__(self, plan: Plan, version: str, environment: Mapping[str, str]) -> None:
        self._transport = _transport(plan)
        self._resource, self._scope = _origin(version, environment)

    def send(self, spans: Sequence[Span]) -> bool:
        """Whether all of them are with the collector."""
        lots = [spans[at : at + MOST_AT_ONCE] for at in range(0, len(spans), MOST_AT_ONCE)]
        return all([self._transport.send(self._message(lot)) for lot in lots])  # noqa: C419 (all are sent)

    def close(self) -> None:
        self._transport.close()

    def _message(self, spans: Sequence[Span]) -> bytes:
        """All that is known of where they come from, and they."""
        scoped = self._scope + b"".join(_unhurried(spans))
        return field(1, self._resource + field(2, scoped))


def _origin(version: str, environment: Mapping[str, str]) -> tuple[bytes, bytes]:
    """Of which server spans are, and of which part of it, as the encoder has that."""
    scope, resource = InstrumentationScope("headrace", version), resource_of(environment, version)
    span = ReadableSpan("", SpanContext(1, 1, False), resource=resource, instrumentation_scope=scope)
    (of_resource,) = encode_spans([span]).resource_spans
    (of_scope,) = of_resource.scope_spans
    of_scope.ClearField("spans")
    scoped = of_scope.SerializeToString()
    of_resource.ClearField("scope_spans")
    return of_resource.SerializeToString(), scoped


def _unhurried(spans: Sequence[Span]) -> Iterator[bytes]:
    """There is a rest after each few: to encode all of them without would hold up those who answer requests, who have
    to share the interpreter meanwhile."""
    for at in range(0, len(spans), FEW):
        yield from [span_field(2, span) for span in spans[at : at + FEW]]
        time.sleep(REST_S)


class _Transport(Protocol):
    """Sends messages that are encoded; OpenTelemetry's exporters would do that themselves."""

    def send(self, message: bytes) -> bool: ...

    def close(self) -> None: ...


def _transport(plan: Plan) -> _Transport:
    return _Grpc(plan.endpoint or None) if plan.protocol == "grpc" else _Http(plan.endpoint or None)


class _Http:
    def __init__(self, endpoint: str | None) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        exporter = OTLPSpanExporter(endpoint=endpoint)
        self._client = exporter._client
        self._exporter: SpanExporter = exporter

    def send(self, message: bytes) -> bool:
        return self._client.export(message).success

    def close(self) -> None:
        self._exporter.shutdown()


class _Grpc:
    def __init__(self, endpoint: str | None) -> None:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        class Exporter(OTLPSpanExporter):
            def _translate_data(self, data: Any) -> ExportTraceServiceRequest:
                return ExportTraceServiceRequest.FromString(data)

        self._exporter: SpanExporter = Exporter(endpoint=endpoint)

    def send(self, message: bytes) -> bool:
        encoded: Any = message  # where spans are expected
        return self._exporter.export(encoded) is SpanExportResult.SUCCESS

    def close(self) -> None:
        self._exporter.shutdown()
