"""A request of many rows is answered in parts, between which others have their turns."""

import asyncio
from typing import Any
from unittest.mock import patch

import msgspec
import numpy as np
import pytest

from headrace.batching.batched_model import BatchedModel
from headrace.batching.fixed_policy import FixedPolicy
from headrace.batching.instance import Outcome
from headrace.batching.parted_model import PartedModel
from headrace.batching.policy import Limits
from headrace.batching.waiting import Waiting
from headrace.errors import DeadlineExceeded, InputRefused, WouldBeLate
from headrace.records import BatchRecord, Record, ShedRecord
from headrace.servable import Cancel, Reply
from headrace.types import ModelVersion, Objective, Request, Signature
from tests.fakes import FakeClock, FakeInstance, Got, request, signature

MS = 1_000_000


def wide(**said: Any) -> Signature:
    """Four rows a run, a hundred a request."""
    about = signature(**said)
    return msgspec.structs.replace(about, batch=msgspec.structs.replace(about.batch, most_rows=100))


class Bench:
    """One instance that runs four rows at a time."""

    def __init__(self, about: Signature | None = None, variant: str = "") -> None:
        about = about or wide()
        self.clock, self.instance = FakeClock(), FakeInstance()
        self.records: list[Record] = []
        version = ModelVersion("m", 1)
        policy: FixedPolicy[Waiting] = FixedPolicy(Limits(4, 0, 100, 1 << 20))
        inner = BatchedModel(version, about, [self.instance], policy, self.records.append, self.clock, variant=variant)
        self.model = PartedModel(version, inner, self.records.append, self.clock, Objective())

    def ask(self, rows: int, **said: Any) -> Got:
        got = Got()
        self.cancel = self.model.submit(request(np.arange(2 * rows).reshape(rows, 2), **said), got)
        self.clock.pass_ms()
        return got

    def finish(self, infer_ms: float = 20.0, outcome: Outcome | None = None) -> None:
        self.clock.pass_ms(infer_ms)
        self.instance.finish(outcome, infer_ms)
        self.clock.pass_ms()

    def runs(self) -> list[int]:
        return [record.facts.rows for record in self.records if isinstance(record, BatchRecord)]


@pytest.fixture
async def bench() -> Bench:
    return Bench()


async def test_its_answer_is_that_of_all_rows(bench: Bench) -> None:
    got = bench.ask(10)
    for _ in range(3):
        bench.finish()
    assert bench.runs() == [4, 4, 2]
    assert got.arrays == {"y": (2 * np.arange(20.0).reshape(10, 2)).tolist()}
    assert (got.response.rows, got.response.batch and got.response.batch.infer_ns) == (10, 60 * MS)


async def test_others_have_their_turns_between_two_parts(bench: Bench) -> None:
    many, one = bench.ask(10), bench.ask(1)
    bench.finish()
    bench.finish()
    assert (len(one.answers), len(many.answers)) == (1, 0)
    assert bench.runs() == [4, 1]


@pytest.mark.parametrize(("infer_ms", "runs"), [(1.0, [4, 8, 16, 22]), (20.0, [4, 4]), (100.0, [4, 4])])
async def test_parts_grow_while_they_are_brief(bench: Bench, infer_ms: float, runs: list[int]) -> None:
    bench.ask(50)
    for _ in runs:
        bench.finish(infer_ms)
    assert bench.runs() == runs


async def test_what_fits_a_run_goes_on_as_it_is(bench: Bench) -> None:
    bench.ask(4)
    bench.finish()
    assert bench.runs() == [4]


@pytest.mark.parametrize("rows", [5, 101])
async def test_the_model_says_what_is_wrong_with_the_whole(bench: Bench, rows: int) -> None:
    got = bench.ask(rows, name="z" if rows == 5 else "x")
    assert got.error == "invalid_request"
    assert not bench.instance.handed


async def test_an_error_of_a_part_is_that_of_all(bench: Bench) -> None:
    got = bench.ask(10)
    bench.finish(outcome=Outcome(error=InputRefused("no")))
    assert got.error == InputRefused("no").code
    assert not bench.instance.handed


async def test_whoever_leaves_has_no_more_parts_run(bench: Bench) -> None:
    got = bench.ask(10)
    bench.cancel()
    bench.finish()
    assert (got.answers, bench.instance.handed) == ([], [])


async def test_one_that_will_be_late_is_ended_once_that_is_seen_and_the_next_at_once(bench: Bench) -> None:
    first = bench.ask(40, deadline_ns=bench.clock.now_ns() + 100 * MS)
    bench.finish()
    assert isinstance(first.answers[0], DeadlineExceeded)
    assert "4 of 40 rows" in str(first.answers[0])
    whole = bench.ask(8)
    bench.finish()
    bench.finish()
    assert whole.response.rows == 8
    second = bench.ask(40, deadline_ns=bench.clock.now_ns() + 100 * MS)
    assert isinstance(second.answers[0], WouldBeLate)
    assert [record.reason for record in bench.records if isinstance(record, ShedRecord)] == ["predicted"]
    for _ in range(20):  # it finds out again whether that is still so
        again = bench.ask(40, deadline_ns=bench.clock.now_ns() + 100 * MS)
    assert not again.answers


async def test_all_parts_are_of_the_variant_that_computed_the_first() -> None:
    bench = Bench(variant="cheap")
    asked: list[str] = []
    submit = bench.model.model.submit

    def submitted(request: Request, reply: Reply) -> Cancel:
        asked.append(request.context.variant)
        return submit(request, reply)

    with patch.object(bench.model.model, "submit", submitted):
        bench.ask(10)
        bench.finish()
        bench.finish()
    assert asked == ["", "cheap", "cheap"]


async def test_draining_answers_what_is_under_way_and_takes_nothing_new(bench: Bench) -> None:
    got = bench.ask(10)
    draining = asyncio.create_task(bench.model.drain())
    await asyncio.sleep(0)
    assert bench.ask(1).error == "model_unavailable"
    for _ in range(3):
        bench.finish()
    await draining
    assert got.response.rows == 10


async def test_closing_answers_what_is_under_way(bench: Bench) -> None:
    got = bench.ask(10)
    bench.finish()
    await bench.model.close()
    assert got.error == "model_unavailable"
