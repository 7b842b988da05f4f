"""A model with variants answers with its own file first, and the others join it later, or say why they cannot."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from headrace.batching.batched_model import BatchedModel
from headrace.batching.fixed_policy import FixedPolicy
from headrace.batching.joining_model import JoiningModel
from headrace.batching.policy import Limits
from headrace.batching.waiting import Waiting
from headrace.errors import HeadraceError, ModelInvalid, ModelUnavailable
from headrace.records import discard
from headrace.servable import Cancel, Reply, Servable
from headrace.types import Backlog, Context, Manifest, Request, Response, Variant
from tests.batching.test_varied_model import VERSION
from tests.fakes import FakeClock, FakeInstance, Got, request, signature
from tests.models.reconcile_bench import Answering

PATH = Path("m")
VARIANTS = Variant("exact", PATH, "fake", 0.95), Variant("quick", PATH, "fake", 0.9), Variant("best", PATH, "fake", 1.0)


class Room:
    """What waits, in its order."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Request, Reply]] = []
        self.refusal: HeadraceError | None = None

    def submit(self, request: Request, reply: Reply) -> Cancel:
        if self.refusal is not None:
            reply(self.refusal)
            return lambda: None
        self.waiting.append((request, reply))
        return lambda: self.waiting.remove((request, reply))

    def hand_over(self, servable: Servable) -> None:
        for asked, reply in self.waiting:
            servable.submit(asked, reply)
        self.waiting.clear()

    def fail(self, error: HeadraceError, *, for_good: bool) -> None:
        for _, reply in self.waiting:
            reply(error)
        self.waiting.clear()
        self.refusal = error if for_good else None

    def backlog(self) -> Backlog:
        return Backlog(len(self.waiting), 0)


class Bench:
    def __init__(self, waits: bool = False) -> None:
        self.clock, self.instance, self.told = FakeClock(), FakeInstance(), list[str]()
        policy: FixedPolicy[Waiting] = FixedPolicy(Limits(4, 0, 100, 10_000))
        self.own = BatchedModel(VERSION, signature(), [self.instance], policy, discard, self.clock, variant="exact")
        self.joined: asyncio.Future[Servable] = asyncio.get_running_loop().create_future()
        self.all = Answering(Manifest("all", 1, PATH, "fake"), self.told)
        self.room = Room() if waits else None
        self.model = JoiningModel(VERSION, self.own, VARIANTS, lambda: self.joined, self.room)

    def ask(self, variant: str = "", min_accuracy: float = 0.0) -> Got:
        got = Got()
        context = Context(self.clock.now_ns(), variant=variant, min_accuracy=min_accuracy)
        self.model.submit(msgspec.structs.replace(request([[1, 2]]), context=context), got)
        return got

    def answered(self, got: Got) -> bool:
        self.clock.pass_ms()
        if self.instance.handed:
            self.instance.finish()
        (answer,) = got.answers
        return isinstance(answer, Response)


@pytest.fixture
async def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize(("variant", "min_accuracy"), [("", 0.0), ("exact", 0.0), ("", 0.95)])
async def test_before_they_join_the_own_file_answers_what_it_may(
    bench: Bench, variant: str, min_accuracy: float
) -> None:
    assert bench.answered(bench.ask(variant, min_accuracy))


@pytest.mark.parametrize(("variant", "min_accuracy"), [("quick", 0.0), ("", 0.99)])
async def test_what_only_others_may_answer_is_told_to_come_again(
    bench: Bench, variant: str, min_accuracy: float
) -> None:
    (error,) = bench.ask(variant, min_accuracy).answers
    assert isinstance(error, ModelUnavailable)
    assert (error.message, error.retry_after_s) == ("model m/1: variants 'quick', 'best' are on the way", 1.0)


async def test_once_they_have_joined_all_of_them_answer(bench: Bench) -> None:
    bench.joined.set_result(bench.all)
    await bench.model.whole()
    bench.ask("quick")
    assert bench.told == ["all/1 is asked"]
    await bench.model.drain()
    await bench.model.close()
    assert bench.told[1:] == ["drain all/1", "close all/1"]


async def test_where_one_cannot_join_the_own_file_goes_on_and_it_is_said_why(bench: Bench) -> None:
    bench.joined.set_exception(ModelInvalid("is torn", "variant 'quick'"))
    with pytest.raises(ModelInvalid):
        await bench.model.whole()
    assert bench.model.signature.warnings == ("variant 'quick': is torn; the model's own file answers alone",)
    assert bench.answered(bench.ask())
    assert "is torn" in str(bench.ask("quick").answers[0])


@pytest.mark.parametrize("how", ["drain", "close"])
async def test_nobody_joins_a_model_that_goes(bench: Bench, how: str) -> None:
    await getattr(bench.model, how)()
    assert bench.joined.cancelled()
    await bench.model.whole()


async def test_what_only_others_may_answer_waits_for_them() -> None:
    bench = Bench(waits=True)
    got, left = bench.ask("quick"), bench.ask("", 0.99)
    assert (got.answers, left.answers, bench.model.backlog().queued) == ([], [], 2)
    bench.joined.set_result(bench.all)
    await bench.model.whole()
    assert bench.told == ["all/1 is asked", "all/1 is asked"]
    assert bench.model.backlog() == bench.all.backlog()


async def test_what_waits_is_told_why_nobody_comes() -> None:
    bench = Bench(waits=True)
    got = bench.ask("quick")
    bench.joined.set_exception(ModelInvalid("is torn", "variant 'quick'"))
    with pytest.raises(ModelInvalid):
        await bench.model.whole()
    assert ["is torn" in str(answer) for answer in (*got.answers, *bench.ask("quick").answers)] == [True, True]


@pytest.mark.parametrize("how", ["drain", "close"])
async def test_what_waits_for_a_model_that_goes_is_answered(how: str) -> None:
    bench = Bench(waits=True)
    got = bench.ask("quick")
    await getattr(bench.model, how)()
    assert isinstance(got.answers[0], ModelUnavailable)
