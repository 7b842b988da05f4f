"""A model is made anew while it serves, and no request notices."""

import asyncio

import pytest

from headrace.batching.laying import Laying
from headrace.batching.relaid_model import Made, RelaidModel
from headrace.errors import ModelUnavailable
from headrace.servable import APART, Cancel, Reply, Together
from headrace.types import Backlog, BatchAxis, ModelVersion, Request, Signature
from tests.fakes import Got, request

VERSION = ModelVersion("m", 1)


class One:
    """Holds its requests until it is let go."""

    def __init__(self, halved: bool, still: bool) -> None:
        self.halved = halved
        self.still = still
        self.signature = Signature((), (), BatchAxis(True, 8), "fake", "half" if halved else "whole")
        self.held: list[Reply] = []
        self.empty = asyncio.Event()
        self.empty.set()
        self.drained = self.closed = 0

    def submit(self, request: Request, reply: Reply) -> Cancel:
        self.held.append(reply)
        self.empty.clear()
        return lambda: None

    def let_go(self) -> None:
        self.held.clear()
        self.empty.set()

    def backlog(self) -> Backlog:
        return Backlog(len(self.held), 0)

    async def drain(self) -> None:
        self.drained += 1
        await self.empty.wait()

    async def close(self) -> None:
        self.closed += 1
        self.let_go()


class Bench:
    def __init__(self, unfit: str = "") -> None:
        self.made: list[One] = []
        self.anew: list[bool] = []
        self.unfit = unfit
        self.fault: Exception | None = None
        self.model = RelaidModel(VERSION, self.make)

    async def make(self, laying: Laying, anew: bool) -> Made:
        await asyncio.sleep(0)
        if self.fault:
            raise self.fault
        self.anew.append(anew)
        one = One(laying.halved, laying.still)
        self.made.append(one)
        unfit = self.unfit if laying.halved else ""
        return Made(one, lambda: 0.5 if laying.halved else 0.25, lambda: 7.0, unfit)

    @property
    def stands(self) -> str:
        return self.model.signature.runtime


async def turns(count: int = 10) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_requests_go_to_the_new_one_and_the_old_answers_what_it_has() -> None:
    bench = Bench()
    await bench.model.start(Laying(halved=False))
    bench.model.submit(request([[1]]), Got())
    bench.model.want(Laying(halved=True))
    await turns()
    assert bench.stands == "half"
    bench.model.submit(request([[1]]), Got())
    old, new = bench.made
    assert (len(old.held), len(new.held), bench.model.backlog().queued) == (1, 1, 2)
    assert (old.drained, old.closed) == (1, 0)
    assert bench.model.load() == 0.5
    old.let_go()
    await turns()
    assert old.closed == 1
    assert bench.model.backlog().queued == 1


async def test_it_may_begin_with_half_and_get_all_of_its_threads_later() -> None:
    bench = Bench()
    await bench.model.start(Laying(halved=True))
    assert bench.stands == "half"
    bench.model.want(Laying(halved=False))
    await turns()
    assert [one.halved for one in bench.made] == [True, False]
    assert bench.stands == "whole"


async def test_it_is_told_whether_another_answers_meanwhile() -> None:
    bench = Bench()
    await bench.model.start(Laying(halved=False))
    bench.model.want(Laying(halved=True))
    await turns()
    assert bench.anew == [False, True]


async def test_what_is_wanted_already_makes_nothing() -> None:
    bench = Bench()
    await bench.model.start(Laying(halved=False))
    bench.model.want(Laying(halved=False))
    await turns()
    assert len(bench.made) == 1


async def test_a_wish_that_changes_meanwhile_is_followed_to_the_last() -> None:
    bench = Bench()
    await bench.model.start(Laying(halved=False))
    bench.model.want(Laying(halved=True))
    await turns(1)
    bench.model.want(Laying(halved=False))
    await turns()
    assert bench.stands == "whole"
    assert [one.closed for one in bench.made] == [1, 1, 0]


@pytest.mark.parametrize("at_start", [True, False])
async def test_one_that_is_of_no_use_with_half_keeps_all_until_that_is_wanted_again(at_start: bool) -> None:
    bench = Bench(unfit="too slow")
    await bench.model.start(Laying(halved=at_start))
    if not at_start:
        bench.model.want(Laying(halved=True))
        await turns()
    assert bench.stands == "whole"
    assert not bench.model.fits
    assert sorted(one.halved for one in bench.made) == [False, True]
    assert [one.closed for one in bench.made if one.halved] == [1]
    bench.unfit = ""
    bench.model.want(Laying(halved=True))
    await turns()
    assert bench.stands == "half"
    assert bench.model.fits


async def test_one_that_cannot_be_made_anew_stays_as_it_is() -> None:
    bench = Bench()
    await bench.model.start(Laying(halved=False))
    bench.fault = ModelUnavailable("no memory")
    bench.model.want(Laying(halved=True))
    await turns()
    assert bench.stands == "whole"
    bench.fault = None
    bench.model.want(Laying(halved=True))
    await turns()
    assert bench.stands == "half"


async def test_closing_closes_what_stands_and_what_is_on_its_way_out_once() -> None:
    bench = Bench()
    closed: list[bool] = []
    bench.model.on_close(lambda: closed.append(True))
    await bench.model.start(Laying(halved=False))
    bench.model.submit(request([[1]]), Got())
    bench.model.want(Laying(halved=True))
    await turns()
    await bench.model.close()
    assert [one.closed for one in bench.made] == [1, 1]
    await bench.model.close()
    assert closed == [True]  # told once


async def test_draining_waits_for_both_and_makes_nothing_more() -> None:
    bench = Bench()
    await bench.model.start(Laying(halved=False))
    bench.model.submit(request([[1]]), Got())
    bench.model.want(Laying(halved=True))
    await turns()
    draining = asyncio.ensure_future(bench.model.drain())
    await turns()
    assert not draining.done()
    bench.made[0].let_go()
    await draining
    assert len(bench.made) == 2


async def test_threads_that_are_to_lie_still_are_made_anew_however_many_they_are() -> None:
    bench = Bench()
    await bench.model.start(Laying(halved=True))
    bench.model.want(Laying(halved=True, still=True))
    await turns()
    assert [(one.halved, one.still, one.closed) for one in bench.made] == [(True, False, 1), (True, True, 0)]
    assert bench.model.overdue_ns() == 7.0


async def test_one_that_is_of_no_use_with_half_lies_still_all_the_same() -> None:
    bench = Bench(unfit="too slow")
    await bench.model.start(Laying(halved=True, still=True))
    assert [(one.halved, one.still) for one in bench.made] == [(True, True), (False, True)]


async def test_requests_are_asked_as_one_as_far_as_what_stands_takes_them() -> None:
    bench = Bench()
    await bench.model.start(Laying())
    assert bench.model.together() == APART
    bench.made[0].together = lambda: Together(8, 1)  # type: ignore[attr-defined]
    assert bench.model.together() == Together(8, 1)
