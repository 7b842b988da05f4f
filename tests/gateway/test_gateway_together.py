"""Requests that pass the gateway as one."""

import msgspec

from headrace.errors import Draining
from headrace.records import SampleRecord
from headrace.servable import APART, Cancel, Reply, Together
from headrace.tenants import Tenant
from headrace.types import BatchFacts, Bundle, ModelRef, Request, Response, Tensor
from tests.fakes import Got, request
from tests.gateway.test_gateway import VERSION, Bench, Kept


class Bundled(Kept):
    """One that takes requests as one."""

    def together(self) -> Together:
        return Together(8, 1)


def test_requests_may_be_asked_as_one_where_nothing_is_to_be_asked_of_each() -> None:
    assert Bench(Bundled()).gateway.together(ModelRef("m")) == Together(8, 1)
    assert Bench().gateway.together(ModelRef("m")) == APART
    assert Bench(Bundled()).gateway.together(ModelRef("other")) == APART
    limited = {"a": Tenant(rate=1)}
    assert Bench(Bundled(), tenants=limited).gateway.together(ModelRef("m")) == APART
    assert (
        Bench(Bundled(), taps={"m": lambda asked, version, reply: (reply, lambda: None)}).gateway.together(
            ModelRef("m")
        )
        == APART
    )
    drained = Bench(Bundled())
    drained.gateway.draining = True
    assert drained.gateway.together(ModelRef("m")) == APART


def bundled() -> tuple[Request, Bundle]:
    one = request([[1, 1]])
    tensors = tuple(msgspec.structs.replace(each, shape=(2, 2), data=b"") for each in one.inputs)
    bundle = Bundle(["a", "b"], [0, 0], [tuple(each.data for each in one.inputs)] * 2, set())
    return msgspec.structs.replace(one, inputs=tensors, bundle=bundle), bundle


def test_of_requests_that_were_asked_as_one_those_are_recorded_whole_that_somebody_wants() -> None:
    passed: list[tuple[str, int]] = []

    def passes(model: str, requests: int) -> bool:
        passed.append((model, requests))
        return len(passed) == 1

    bench = Bench(Bundled(), wanted=lambda asked, answer: asked.id == "b", passes=passes)
    y = Tensor("y", "FP32", (2, 2), bytes(range(16)))
    for _ in range(2):
        bench.gateway.submit_together(*bundled(), Got())
        bench.kept.replies[-1](Response(VERSION, (y,), BatchFacts(2, 2, "idle", 0, 5), rows=2))
    (sample,) = [record for record in bench.records if isinstance(record, SampleRecord)]
    assert (sample.id, bytes(sample.outputs[0].data), passed) == ("b", bytes(range(8, 16)), [("m", 2)] * 2)


def test_a_servable_that_raises_on_requests_that_are_asked_as_one_leaves_nobody_in_flight() -> None:
    class Raises(Kept):
        def submit(self, request: Request, reply: Reply) -> Cancel:
            raise RuntimeError("broken")

    bench, got = Bench(Raises()), Got()
    bench.gateway.submit_together(*bundled(), got)
    assert (got.error, bench.gateway.in_flight, bench.records) == ("internal", 0, [])


def test_requests_that_were_asked_as_one_are_broken_off_as_one() -> None:
    bench, got = Bench(Bundled()), Got()
    bench.gateway.submit_together(*bundled(), got)
    bench.gateway.break_off(Draining("the time is up"))
    assert (got.error, bench.gateway.in_flight, bench.records) == ("draining", 0, [])
