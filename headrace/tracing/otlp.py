"""Spans as OpenTelemetry has them, sent by its exporters."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from headrace.collector.resource import resource_of
from headrace.tracing.plan import Plan
from headrace.tracing.spans import Place, Span

MOST_AT_ONCE = 512  # spans of one message
FEW = 14  # spans that are encoded without a rest: about a third of a millisecond
REST_S = 0.001

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


class Otlp:
    """An exporter over HTTP or gRPC. What the plan leaves open is in OpenTelemetry's environment variables."""

    def __init__(self, plan: Plan, version: str, environment: Mapping[str, str]) -> None:
        self._exporter = _exporter(plan)
        self._resource = resource_of(environment, version)
        self._scope = InstrumentationScope("headrace", version)

    def send(self, spans: Sequence[Span]) -> bool:
        """Whether all of them are with the collector."""
        made = [self._made(span) for span in spans]
        lots = [_Unhurried(made[at : at + MOST_AT_ONCE]) for at in range(0, len(made), MOST_AT_ONCE)]
        return all([self._exporter.export(lot) is SpanExportResult.SUCCESS for lot in lots])  # noqa: C419 (all are sent)

    def close(self) -> None:
        self._exporter.shutdown()

    def _made(self, span: Span) -> ReadableSpan:
        above = Place(span.place.trace_id, span.parent_id)
        return ReadableSpan(
            span.name,
            _context(span.place),
            _context(above, span.remote_parent) if span.parent_id else None,
            self._resource,
            _attributes(span.attributes),
            links=[Link(_context(place)) for place in span.links],
            kind=SpanKind.SERVER if span.server else SpanKind.INTERNAL,
            status=Status(StatusCode.ERROR, span.error) if span.error else Status(),
            start_time=span.start_ns,
            end_time=span.end_ns,
            instrumentation_scope=self._scope,
        )


class _Unhurried(list[ReadableSpan]):
    """There is a rest after each few: to encode all of them without would hold up those who answer requests, who have
    to share the interpreter meanwhile."""

    def __iter__(self) -> Iterator[ReadableSpan]:
        for at in range(0, len(self), FEW):
            yield from self[at : at + FEW]
            time.sleep(REST_S)


def _exporter(plan: Plan) -> SpanExporter:
    endpoint = plan.endpoint or None
    if plan.protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter

        return GrpcExporter(endpoint=endpoint)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter

    return HttpExporter(endpoint=endpoint)


def _context(place: Place, remote: bool = False) -> SpanContext:
    return SpanContext(place.trace_id, place.span_id, remote, _SAMPLED)


def _attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Text that is no UTF-8 would have the whole message refused."""
    return {
        name: value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
        for name, value in attributes.items()
    }
