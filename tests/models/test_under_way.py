"""One thing at a time is done to a model, whoever waits for it."""

import asyncio
import gc
import weakref
from functools import partial

import pytest

from headrace.errors import Draining, ModelInvalid, forget_frames
from headrace.models.under_way import Tried, UnderWay


async def test_a_caller_goes_on_once_it_is_told_and_the_rest_is_done_too() -> None:
    under_way, gate, done = UnderWay(), asyncio.Event(), []

    async def doing(tried: Tried) -> None:
        tried(None)
        await gate.wait()
        done.append("rest")

    await under_way.asked("m", doing)
    assert done == []
    gate.set()
    await under_way.still()
    assert done == ["rest"]


async def test_what_fails_is_raised_to_the_caller() -> None:
    async def doing(tried: Tried) -> None:
        raise ModelInvalid("no")

    with pytest.raises(ModelInvalid, match="no"):
        await UnderWay().asked("m", doing)


def _fail(*known: object) -> None:
    try:
        raise ValueError(known)
    except ValueError as error:
        raise ModelInvalid("no") from error


class Files:
    """What was sent along."""


async def test_what_failed_is_let_go_once_its_caller_is_told_though_it_is_raised_again() -> None:
    under_way, held = UnderWay(), list[weakref.ref[Files]]()

    async def doing(files: Files, tried: Tried) -> None:
        held.append(weakref.ref(files))
        try:
            _fail(failures := list[ModelInvalid]())
        except ModelInvalid as error:
            failures.append(error)
        tried(failures[0])
        await asyncio.sleep(0)
        raise failures[0]

    gc.disable()
    try:
        with pytest.raises(ModelInvalid) as failed:
            await under_way.asked("m", partial(doing, Files()))
        forget_frames(failed.value)
        del failed
        await under_way.still()
        assert held[0]() is None
    finally:
        gc.enable()


async def test_what_is_asked_of_one_model_is_done_in_turn() -> None:
    under_way = UnderWay()
    order: list[str] = []

    async def doing(number: int, tried: Tried) -> None:
        order.append(f"begin {number}")
        await asyncio.sleep(0)
        order.append(f"end {number}")

    await asyncio.gather(*(under_way.asked("m", partial(doing, number)) for number in (1, 2)))
    assert order == ["begin 1", "end 1", "begin 2", "end 2"]


async def test_what_is_under_way_at_the_end_is_cancelled_and_its_caller_told() -> None:
    under_way = UnderWay()

    async def doing(tried: Tried) -> None:
        await asyncio.Event().wait()

    asking = asyncio.create_task(under_way.asked("m", doing))
    await asyncio.sleep(0)
    await under_way.end()
    with pytest.raises(Draining):
        await asking


async def test_a_caller_that_leaves_stops_nothing() -> None:
    under_way, gate, done = UnderWay(), asyncio.Event(), []

    async def doing(tried: Tried) -> None:
        await gate.wait()
        done.append("done")

    asking = asyncio.create_task(under_way.asked("m", doing))
    await asyncio.sleep(0)
    asking.cancel()
    gate.set()
    await under_way.still()
    assert done == ["done"]


async def test_a_model_is_held_while_something_is_done_to_it() -> None:
    under_way = UnderWay()
    assert not under_way.held("m")
    async with under_way.lock("m"):
        assert under_way.held("m")
        assert not under_way.held("n")
    assert not under_way.held("m")
