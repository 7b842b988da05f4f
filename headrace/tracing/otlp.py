"""Spans as OpenTelemetry has them, sent by its exporters."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from headrace.collector.resource import resource_of
from headrace.tracing.encoding import message, resource_message, span_message
from headrace.tracing.plan import Plan
from headrace.tracing.spans import Span

MOST_AT_ONCE = 512  # spans of one message
FEW = 128  # spans that are encoded without a rest: about a quarter of a millisecond
REST_S = 0.001


class Otlp:
    """An exporter over HTTP or gRPC. What the plan leaves open is in OpenTelemetry's environment variables."""

    def __init__(self, plan: Plan, version: str, environment: Mapping[str, str]) -> None:
        self._transport = _transport(plan)
        self._resource = resource_message(resource_of(environment, version).attributes)
        self._version = version

    def send(self, spans: Sequence[Span]) -> bool:
        """Whether all of them are with the collector."""
        lots = [spans[at : at + MOST_AT_ONCE] for at in range(0, len(spans), MOST_AT_ONCE)]
        return all([self._transport.send(self._message(lot)) for lot in lots])  # noqa: C419 (all are sent)

    def close(self) -> None:
        self._transport.close()

    def _message(self, spans: Sequence[Span]) -> bytes:
        """All that is known of where they come from, and they."""
        return message(self._resource, self._version, _unhurried(spans))


def _unhurried(spans: Sequence[Span]) -> Iterator[bytes]:
    """There is a rest after each few: to encode all of them without would hold up those who answer requests, who have
    to share the interpreter meanwhile."""
    for at in range(0, len(spans), FEW):
        yield from [span_message(span) for span in spans[at : at + FEW]]
        time.sleep(REST_S)


class _Transport(Protocol):
    """Sends messages that are made; OpenTelemetry's exporters would do that themselves."""

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
            def _translate_data(self, data: Any) -> Any:
                return data

            def _count_data(self, data: Any) -> int:
                return len(data.resource_spans[0].scope_spans[0].spans)

        self._exporter: SpanExporter = Exporter(endpoint=endpoint)

    def send(self, message: bytes) -> bool:
        made: Any = ExportTraceServiceRequest.FromString(message)  # where spans are expected
        return self._exporter.export(made) is SpanExportResult.SUCCESS

    def close(self) -> None:
        self._exporter.shutdown()
