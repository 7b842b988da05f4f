"""A collector that is not ours understands what is pushed, over both transports."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from headrace.collector.address import Protocol
from headrace.observe.exposition import Family, labels
from headrace.pushing.otlp import Otlp
from headrace.pushing.plan import Plan
from headrace.pushing.samples import samples_of
from headrace.pushing.since import Since
from tests.collector.receiver import Receiver, attributes, over_grpc, over_http
from tests.pushing.make import page

Over = Callable[[], AbstractContextManager[tuple[Receiver, str]]]

BOTH = pytest.mark.parametrize(("over", "protocol"), [(over_http, "http"), (over_grpc, "grpc")], ids=["http", "grpc"])


def send(protocol: Protocol, address: str, text: str, delta: bool = False) -> bool:
    endpoint = f"{address}/v1/metrics" if protocol == "http" else address
    otlp = Otlp(Plan(protocol, endpoint, 60.0, delta), "1.2", {})
    try:
        since = Since(delta, began_ns=100)
        return otlp.send([since.told(family) for family in samples_of(text)], at_ns=200)
    finally:
        otlp.close()


@BOTH
@pytest.mark.parametrize("delta", [False, True])
def test_each_kind_arrives_as_what_it_is(over: Over, protocol: Protocol, delta: bool) -> None:
    with over() as (receiver, address):
        assert send(protocol, address, page(), delta)
    (counter,), (gauge,), (histogram,) = (receiver.metrics[n] for n in ("requests_total", "waiting", "took_seconds"))
    temporality = counter.sum.aggregation_temporality
    assert (temporality, counter.sum.is_monotonic) == (1 if delta else 2, True)
    assert counter.description == "Requests."
    (point,) = counter.sum.data_points
    assert (point.as_int, point.start_time_unix_nano, point.time_unix_nano) == (3, 100, 200)
    assert attributes(point) == {"model": "m", "code": "ok"}
    assert [each.as_double for each in gauge.gauge.data_points] == [0.5]
    assert histogram.histogram.aggregation_temporality == temporality
    (point,) = histogram.histogram.data_points
    assert (list(point.explicit_bounds), list(point.bucket_counts)) == ([0.1, 1.0], [1, 2, 1])
    assert (point.count, point.sum, point.HasField("min"), point.HasField("max")) == (4, 4.5, False, False)
    assert receiver.resource.items() >= {"service.name": "headrace", "service.version": "1.2"}.items()


def test_an_exemplar_arrives_with_its_trace() -> None:
    with over_http() as (receiver, address):
        assert send("http", address, page())
    (point,) = receiver.metrics["took_seconds"][0].histogram.data_points
    (exemplar,) = point.exemplars
    assert (exemplar.trace_id.hex(), exemplar.as_double) == ("0af7651916cd43dd8448eb211c80319c", 0.5)
    assert exemplar.time_unix_nano == 1_700_000_000_250_000_000


def test_hostile_names_arrive_as_they_are() -> None:
    name = '\x1b[31m"\\\n<script>'
    text = "\n".join(Family("f", "gauge", "T.").lines([(labels({"model": name}), 1)]))
    with over_http() as (receiver, address):
        assert send("http", address, text)
    assert attributes(receiver.metrics["f"][0].gauge.data_points[0]) == {"model": name}


def test_a_collector_that_refuses_is_told_of() -> None:
    with over_http(status=400) as (_, address):
        assert not send("http", address, page())
