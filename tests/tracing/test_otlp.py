"""A collector that is not ours understands what is sent, over both transports."""

import random
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from headrace.collector.address import Protocol
from headrace.tracing.otlp import FEW, REST_S, Otlp
from headrace.tracing.plan import Plan
from headrace.tracing.spans import Kept, SpanMaker
from tests.collector.receiver import Receiver, attributes, by_name, over_grpc, over_http
from tests.observe.make import facts, failed
from tests.tracing.make import PARENT_ID, TRACE_ID, traced

Over = Callable[[], AbstractContextManager[tuple[Receiver, str]]]

BOTH = pytest.mark.parametrize(("over", "protocol"), [(over_http, "http"), (over_grpc, "grpc")], ids=["http", "grpc"])


def send(protocol: Protocol, address: str, *lot: Kept, **environment: str) -> bool:
    endpoint = f"{address}/v1/traces" if protocol == "http" else address
    otlp = Otlp(Plan(protocol, endpoint, 1.0, True, 1000), "1.2", environment)
    try:
        return otlp.send(SpanMaker(1_700_000_000_000_000_000, random.Random(1).getrandbits).spans(lot))
    finally:
        otlp.close()


@BOTH
def test_a_trace_arrives_whole_and_connected(over: Over, protocol: Protocol) -> None:
    with over() as (receiver, address):
        assert send(protocol, address, Kept(traced()))
        spans = receiver.wait(7)
    (request,) = by_name(spans, "infer m")
    assert (request.trace_id, request.parent_span_id) == (TRACE_ID.to_bytes(16), PARENT_ID.to_bytes(8))
    assert request.kind == request.SPAN_KIND_SERVER
    assert {span.trace_id for span in spans} == {request.trace_id}
    assert {span.parent_span_id for span in spans if span is not request} == {request.span_id}
    assert attributes(request)["headrace.request.id"] == "r0"
    assert receiver.resource.items() >= {"service.name": "headrace", "service.version": "1.2"}.items()


@BOTH
def test_a_run_arrives_with_links_to_its_members(over: Over, protocol: Protocol) -> None:
    run = facts(2, 2, started_ns=4_000_500)
    with over() as (receiver, address):
        assert send(protocol, address, Kept(traced(0, batch=run)), Kept(traced(1, batch=run)))
        spans = receiver.wait(13)
    (batch,) = by_name(spans, "batch")
    assert {link.span_id for link in batch.links} == {span.span_id for span in by_name(spans, "infer m")}
    assert {link.span_id for each in by_name(spans, "compute") for link in each.links} == {batch.span_id}


def test_a_failure_is_a_status_and_hostile_text_arrives_as_text() -> None:
    with over_http() as (receiver, address):
        assert send("http", address, Kept(failed("internal", id="\x1b[31m\0\udc80<script>")))
        (request, *_) = receiver.wait(2)
    assert (request.status.code, request.status.message) == (request.status.STATUS_CODE_ERROR, "internal")
    assert attributes(request)["headrace.request.id"] == "\x1b[31m\0?<script>"


def test_variables_name_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"OTEL_SERVICE_NAME": "ours", "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=test"}
    for name, value in (said | {"OTEL_EXPORTER_OTLP_HEADERS": "x-key=secret"}).items():
        monkeypatch.setenv(name, value)
    with over_http() as (receiver, address):
        assert send("http", address, Kept(traced()), **said)
        receiver.wait(7)
    assert receiver.resource.items() >= {"service.name": "ours", "deployment.environment": "test"}.items()
    assert receiver.headers[0]["x-key"] == "secret"


def test_a_collector_that_refuses_is_told_of() -> None:
    with over_http(status=400) as (_, address):
        assert not send("http", address, Kept(traced()))


def test_there_are_rests_while_many_are_encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    rests = list[float]()
    monkeypatch.setattr(time, "sleep", rests.append)
    with over_http() as (receiver, address):
        assert send("http", address, *(Kept(traced(number)) for number in range(20)))
        spans = len(receiver.wait(140))
    assert spans == 140
    assert rests == [REST_S] * -(-spans // FEW)
