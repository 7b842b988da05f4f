"""Zygotes that were started before the server."""

import os

import pytest

from headrace.workers import fork_wire as wire
from headrace.workers.ahead import READY_BYTES, Ahead, prepared, ready_bytes
from headrace.workers.forking import Forked, Forking
from headrace.workers.imports import IMPORTS
from headrace.workers.process import BATCHES, Process
from tests.workers.processes import children, lives, until

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="it needs Linux")

KIND = ("headrace.child", "headrace.runtimes.fake")


def test_what_is_taken_says_that_it_is_ready_and_is_given_once() -> None:
    ahead = Ahead([KIND], 1)
    started = ahead.take(KIND)
    assert started is not None
    with started.process, started.channel:
        assert wire.decode_answer(started.channel.recv(wire.MAX_MESSAGE_BYTES)) == wire.Ready()
        assert ahead.take(KIND) is None
        ahead.close()
        assert lives(started.process.pid)
        started.channel.close()


def test_what_nobody_takes_ends_with_it() -> None:
    before = set(children(os.getpid()))
    ahead = Ahead([KIND], 1)
    (zygote,) = set(children(os.getpid())) - before
    ahead.close()
    until(lambda: not lives(zygote))


def test_nothing_is_started_where_nothing_is_to_be_forked() -> None:
    assert Ahead([KIND], 0).take(KIND) is None


async def test_a_child_is_forked_from_what_was_started_before() -> None:
    ahead = Ahead([KIND], 1)
    births = Forking(1, ahead=ahead)
    try:
        process = await Process.start(births, [], 1, lambda message: None, lambda how: None, BATCHES, KIND)
        assert isinstance(process._child, Forked)
        assert ahead.take(KIND) is None
        await process.close()
    finally:
        await births.close()


async def test_what_no_model_asked_for_is_let_go() -> None:
    before = set(children(os.getpid()))
    births = Forking(1, ahead=Ahead([KIND], 1))
    (zygote,) = set(children(os.getpid())) - before
    await births.forget_ahead()
    until(lambda: not lives(zygote))
    await births.close()


@pytest.mark.parametrize(("budget_bytes", "ready"), [(None, READY_BYTES), (8 << 30, READY_BYTES), (256 << 20, 8 << 20)])
def test_what_waits_has_memory_ready_but_no_more_than_a_small_part_of_a_budget(
    budget_bytes: int | None, ready: int
) -> None:
    assert ready_bytes(budget_bytes) == ready


@pytest.mark.parametrize(("runtime", "ready"), [("onnx", 4096), ("openvino", 4096), ("llm", 0)])
def test_language_models_whose_weights_are_mapped_need_none(runtime: str, ready: int) -> None:
    ours, theirs = wire.channel()
    with ours, theirs:
        prepared(ours, theirs, IMPORTS[runtime], 1, 4096)
        assert wire.asked(theirs) == (wire.Prepare(IMPORTS[runtime], 1, 4096 if ready else 0), [])
