"""A real request that waits."""

import msgspec

from headrace.batching.check import Checked
from headrace.batching.waiting import Waiting
from headrace.types import USUAL_LEVEL, Bundle, Context
from tests.fakes import Got, request


def waiting(context: Context) -> Waiting:
    asked = msgspec.structs.replace(request([[1.0, 2.0]]), context=context)
    return Waiting(asked, Checked(1, (), 7), Got(), 50)


def test_it_is_as_urgent_as_its_context_says() -> None:
    item = waiting(Context(10, deadline_ns=90, priority=2, tenant="t"))
    assert (item.arrived_ns, item.queued_ns, item.deadline_ns, item.level, item.tenant) == (10, 50, 90, 2, "t")
    assert (item.rows, item.length, item.num_bytes) == (1, 7, 8)


def test_no_priority_is_the_default_and_no_arrival_is_when_it_was_queued() -> None:
    item = waiting(Context(0))
    assert (item.level, item.arrived_ns, item.deadline_ns) == (USUAL_LEVEL, 50, None)


def test_requests_that_are_asked_as_one_are_counted_with_all_their_bytes() -> None:
    one = request([[1.0, 2.0]])
    tensors = tuple(msgspec.structs.replace(each, shape=(3, 2), data=b"") for each in one.inputs)
    bundle = Bundle(["a", "b", "c"], [0] * 3, [(bytes(8),)] * 3, set())
    item = Waiting(msgspec.structs.replace(one, inputs=tensors, bundle=bundle), Checked(3, (), 7), Got(), 50)
    assert (item.requests, item.rows, item.num_bytes) == (3, 3, 24)
