"""Spans are encoded as OpenTelemetry's own encoder does it."""

import random

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2 as pb
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from headrace.collector.resource import resource_of
from headrace.tracing.encoding import resource_message, span_message
from headrace.tracing.spans import Attribute, Place, Span

TEXTS = ("", "m", "é\0\x1b", "x" * 127, "x" * 128, "x" * 20_000)
VALUES: tuple[Attribute, ...] = (
    *TEXTS,
    True,
    False,
    0,
    1,
    127,
    128,
    -1,
    2**63 - 1,
    -(2**63),
    0.0,
    1.5,
    ["a", "", "é"],
    [],
)


def span(seed: int) -> Span:
    draw = random.Random(seed)
    return Span(
        draw.choice(TEXTS),
        Place(draw.getrandbits(128) or 1, draw.getrandbits(64) or 1),
        draw.choice((0, 1, 2**64 - 1)),
        draw.random() < 0.5,
        draw.random() < 0.5,
        draw.randrange(2**62),
        draw.randrange(2**62),
        {f"name.{number}": draw.choice(VALUES) for number in range(draw.randrange(5))},
        [Place(draw.getrandbits(128) or 1, draw.getrandbits(64) or 1) for _ in range(draw.randrange(3))],
        draw.choice(("", "internal")),
        draw.choice(("", "v=1,w=2")),
    )


def theirs(span: Span) -> pb.Span:
    sampled = TraceFlags(TraceFlags.SAMPLED)
    made = ReadableSpan(
        span.name,
        SpanContext(*span.place, False, sampled, TraceState.from_header([span.tracestate])),
        SpanContext(span.place.trace_id, span.parent_id, span.remote_parent, sampled) if span.parent_id else None,
        attributes=span.attributes,
        links=[Link(SpanContext(*place, False, sampled)) for place in span.links],
        kind=SpanKind.SERVER if span.server else SpanKind.INTERNAL,
        status=Status(StatusCode.ERROR, span.error) if span.error else Status(),
        start_time=span.start_ns,
        end_time=span.end_ns,
    )
    (message,) = encode_spans([made]).resource_spans[0].scope_spans[0].spans
    return message


@pytest.mark.parametrize("seed", range(100))
def test_it_says_the_same(seed: int) -> None:
    made = span(seed)
    assert pb.Span.FromString(span_message(made)) == theirs(made)


def test_so_it_does_of_whose_they_are() -> None:
    resource = resource_of({"OTEL_RESOURCE_ATTRIBUTES": "service.version=2"}, "1.2")
    made = ReadableSpan("", SpanContext(1, 1, False), resource=resource)
    (theirs,) = encode_spans([made]).resource_spans
    assert Resource.FromString(resource_message(resource.attributes)) == theirs.resource


def test_text_that_is_no_utf_8_arrives_all_the_same() -> None:
    hostile = span(1)._replace(name="\udc80", attributes={"id": "a\udc80"}, error="\udc80")
    read = pb.Span.FromString(span_message(hostile))
    assert (read.name, read.attributes[0].value.string_value, read.status.message) == ("?", "a?", "?")
