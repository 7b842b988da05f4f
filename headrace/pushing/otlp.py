"""Metrics as OpenTelemetry has them, sent by its exporters."""

from collections.abc import Mapping, Sequence

from opentelemetry.sdk.metrics import Exemplar as OtlpExemplar
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExporter,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from headrace.collector.resource import resource_of
from headrace.observe.openmetrics import Exemplar
from headrace.pushing.plan import Plan
from headrace.pushing.samples import Buckets, attributes
from headrace.pushing.since import Lot, Told

_NO_SPAN = 0  # a trace is named, and no span of it


class Otlp:
    """An exporter over HTTP or gRPC. What the plan leaves open is in OpenTelemetry's environment variables."""

    def __init__(self, plan: Plan, version: str, environment: Mapping[str, str]) -> None:
        self._exporter = _exporter(plan)
        self._temporality = AggregationTemporality.DELTA if plan.delta else AggregationTemporality.CUMULATIVE
        self._resource = resource_of(environment, version)
        self._scope = InstrumentationScope("headrace", version)

    def send(self, lots: Sequence[Lot], at_ns: int) -> bool:
        """Whether all of them are with the collector."""
        scoped = ScopeMetrics(self._scope, [self._made(lot, at_ns) for lot in lots], "")
        data = MetricsData([ResourceMetrics(self._resource, [scoped], self._resource.schema_url)])
        return self._exporter.export(data) is MetricExportResult.SUCCESS

    def close(self) -> None:
        self._exporter.shutdown()

    def _made(self, lot: Lot, at_ns: int) -> Metric:
        of = lot.of
        data: Gauge | Sum | Histogram
        if of.kind == "histogram":
            data = Histogram([point for told in lot.told for point in _histogram(told, at_ns)], self._temporality)
        else:
            numbers = [point for told in lot.told for point in _number(told, at_ns)]
            data = Gauge(numbers) if of.kind == "gauge" else Sum(numbers, self._temporality, is_monotonic=True)
        return Metric(of.name, of.text, "", data)


def _number(told: Told, at_ns: int) -> Sequence[NumberDataPoint]:
    if isinstance(told.value, Buckets):
        return ()
    return [NumberDataPoint(attributes(told.labels), told.since_ns, at_ns, told.value)]


def _histogram(told: Told, at_ns: int) -> Sequence[HistogramDataPoint]:
    found = told.value
    if not isinstance(found, Buckets):
        return ()
    point = HistogramDataPoint(
        attributes(told.labels),
        told.since_ns,
        at_ns,
        sum(found.counts),
        found.total,
        list(found.counts),
        list(found.bounds),
        None,  # type: ignore[arg-type]  # the least and the largest are not known, and need not be said
        None,  # type: ignore[arg-type]
        [_exemplar(each) for each in found.exemplars],
    )
    return [point]


def _exemplar(found: Exemplar) -> OtlpExemplar:
    return OtlpExemplar({}, found.value, found.unix_ns, _NO_SPAN, int(found.trace_id, 16))


def _exporter(plan: Plan) -> MetricExporter:
    endpoint = plan.endpoint or None
    if plan.protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcExporter

        return GrpcExporter(endpoint=endpoint)
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpExporter

    return HttpExporter(endpoint=endpoint)
