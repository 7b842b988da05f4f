"""Requests that are asked as one, from there to their answer."""

import msgspec
import pytest

from headrace.records import ShedRecord
from headrace.servable import APART, Together
from headrace.types import Backlog, Bundle, Request, Signature
from tests.batching.test_batched_model import Bench
from tests.fakes import Got, request, signature


@pytest.fixture
async def bench() -> Bench:
    return Bench()


def _bundle(rows: int = 2) -> Request:
    """So many requests of a row each, asked as one."""
    one = request([[1, 2]])
    tensors = tuple(msgspec.structs.replace(each, shape=(rows, *each.shape[1:]), data=b"") for each in one.inputs)
    contents = [tuple(each.data for each in one.inputs)] * rows
    bundle = Bundle([str(place) for place in range(rows)], [0] * rows, contents, set())
    return msgspec.structs.replace(one, inputs=tensors, bundle=bundle)


def _shown_to_pay(bench: Bench) -> None:
    """Two requests have shared a run that was short."""
    for _ in range(2):
        bench.ask([[0, 0]])
    bench.clock.pass_ms()
    bench.instance.finish(infer_ms=0.05)


async def test_requests_that_are_asked_as_one_are_run_together_and_counted_each(bench: Bench) -> None:
    _shown_to_pay(bench)
    got = Got()
    bench.model.submit(_bundle(3), got)  # which are handed on at once: a turn was waited for
    assert bench.model.backlog() == Backlog(0, 3)
    bench.instance.finish(infer_ms=0.05)
    assert got.arrays == {"y": [[2, 4]] * 3}
    assert (got.response.rows, got.response.batch and got.response.batch.requests) == (3, 3)


async def test_requests_may_be_asked_as_one_once_some_have_shared_a_short_run(bench: Bench) -> None:
    assert bench.model.together() == APART
    _shown_to_pay(bench)
    assert bench.model.together() == Together(4, 1)


@pytest.mark.parametrize("about", [signature(batched=False), signature(pending=True)])
async def test_none_are_asked_as_one_where_rows_do_not_share_runs(about: Signature) -> None:
    assert Bench(about).model.together() == APART


async def test_of_requests_that_were_asked_as_one_none_is_blamed_for_a_death(bench: Bench) -> None:
    _shown_to_pay(bench)
    got = Got()
    bench.model.submit(_bundle(), got)
    bench.clock.pass_ms()
    bench.instance.die()
    assert got.error == "worker_lost"
    assert bench.model.together() == APART


async def test_where_requests_that_were_asked_as_one_find_no_room_nobody_is_shed() -> None:
    bench = Bench(max_queue=1)
    got = Got()
    bench.model.submit(_bundle(), got)
    assert got.error == "queue_full"
    assert not [record for record in bench.records if isinstance(record, ShedRecord)]
