"""A model in a process of its own: it answers, dies, hangs, comes back and is stopped."""

import asyncio
import mmap
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import numpy as np
import pytest

from headrace.arrays import from_array, to_array
from headrace.batching.instance import Outcome, Rows, Work
from headrace.clock import LoopClock
from headrace.errors import MemoryFull, ModelInvalid, ModelUnavailable, WorkerLost
from headrace.records import Record, WorkerEvent
from headrace.runtimes.load import Loading
from headrace.types import FREE, BatchAxis, Manifest, Signature, WarmUp
from headrace.workers import wire
from headrace.workers.birth import Spawning
from headrace.workers.remote import ProcessInstance, Settings
from headrace.workers.restarts import MOST_DEATHS

MODEL = """
crash_on = 13
hang_on = 14
refuse_on = 15
inputs = [{ name = "x", shape = [-1, -1] }]
outputs = [{ name = "y", shape = [-1, -1], value = "slice" }]
"""


class Bench:
    """A worker and what it told."""

    def __init__(self, manifest: Manifest, axis: BatchAxis | None, run_limit_s: float, spreads: bool) -> None:
        self.records: list[Record] = []
        loading = Loading(manifest, 1, 64, 1e-3, axis, spreads=spreads)
        settings = Settings(loading, 0, load_timeout_s=30, run_limit_s=run_limit_s)
        clock = LoopClock(asyncio.get_running_loop())
        self.worker = ProcessInstance(settings, Spawning(), self.records.append, clock)
        self.changes = asyncio.Event()
        self.learned: list[Signature] = []
        self.gave_up = asyncio.Event()
        self.worker.on_change(self.changes.set, self.learned.append, self.gave_up.set)

    def start(self, rows: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> "asyncio.Future[Outcome]":
        """A batch on its way; the outcome's outputs are copied."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

        def done(outcome: Outcome) -> None:
            outputs = tuple(msgspec.structs.replace(tensor, data=bytes(tensor.data)) for tensor in outcome.outputs)
            future.set_result(msgspec.structs.replace(outcome, outputs=outputs))

        tensor = from_array("x", rows)
        self.worker.run(Work((Rows("x", "FP32", rows.shape, [tensor.data]),), ()), done)
        return future

    async def until(self, state: Callable[[], bool]) -> None:
        while not state():
            self.changes.clear()
            await asyncio.wait_for(self.changes.wait(), 30)

    def pids(self) -> list[int]:
        return [record.pid for record in self.records if isinstance(record, WorkerEvent)]

    def told(self) -> list[str]:
        return [record.what for record in self.records if isinstance(record, WorkerEvent)]


@asynccontextmanager
async def bench(
    folder: Path,
    text: str = MODEL,
    axis: BatchAxis | None = None,
    run_limit_s: float = 0,
    warm_up: tuple[WarmUp, ...] = (),
    spreads: bool = False,
) -> AsyncIterator[Bench]:
    path = folder / "model.fake"
    path.write_text(text)
    made = Bench(Manifest("m", 1, path, "fake", warm_up=warm_up), axis, run_limit_s, spreads)
    try:
        yield made
    finally:
        await made.worker.close()


def rows(*starts: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.array([[start, 2.0] for start in starts], np.float32)


async def test_a_worker_loads_says_what_the_model_takes_and_answers(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        signature = await made.worker.start()
        assert signature.inputs[0].shape == (FREE, FREE)
        assert signature.batch.batched
        outcome = await made.start(rows(1, 3))
        np.testing.assert_array_equal(to_array(outcome.outputs[0]), rows(1, 3))
        assert outcome.infer_ns > 0


async def test_batches_of_one_form_have_their_own_answers(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        await made.worker.start()
        for start in range(4):
            sent = [rows(start, 2), rows(start, 3), rows(start)]
            outcomes = await asyncio.gather(*map(made.start, sent))
            for outcome, array in zip(outcomes, sent, strict=True):
                np.testing.assert_array_equal(to_array(outcome.outputs[0]), array)
                assert outcome.infer_ns > 0


async def test_a_batch_larger_than_any_before_it_gets_through(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        await made.worker.start()
        for width in (1, 1_000_000, 3):
            sent = np.random.default_rng(0).random((2, width), np.float32)
            outcome = await made.start(sent)
            np.testing.assert_array_equal(to_array(outcome.outputs[0]), sent)


async def test_answers_that_there_is_no_memory_for_are_an_error_and_the_worker_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bench(tmp_path) as made:
        await made.worker.start()
        with monkeypatch.context() as patch:
            patch.setattr("headrace.workers.slots.Area.view", lambda area, size: memoryview(mmap.mmap(-1, 1 << 62)))
            outcome = await made.start(rows(1))
        assert isinstance(outcome.error, MemoryFull)
        assert to_array((await made.start(rows(3))).outputs[0])[0, 0] == 3


async def test_a_refusal_is_an_error_and_the_worker_goes_on(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        await made.worker.start()
        refused, answered = made.start(rows(15)), made.start(rows(1))
        error = (await refused).error
        assert error is not None
        assert error.code == "input_refused"
        assert (await answered).error is None


async def test_what_a_dead_worker_had_is_given_back_and_the_next_one_serves(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        await made.worker.start()
        running, waiting = made.start(rows(13)), made.start(rows(1))
        outcomes = await asyncio.gather(running, waiting)
        assert [(outcome.lost, outcome.ran) for outcome in outcomes] == [(True, True), (True, False)]
        assert isinstance(outcomes[0].error, WorkerLost)
        assert "exited with status 70" in str(outcomes[0].error)
        await made.until(lambda: made.worker.ready)
        again = await made.start(rows(1))
        np.testing.assert_array_equal(to_array(again.outputs[0]), rows(1))
        assert made.told() == ["started", "died", "started"]


async def test_a_killed_worker_is_replaced_without_a_request(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        await made.worker.start()
        first = made.worker.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await made.until(lambda: made.worker.ready and made.worker.pid != first)
        assert made.pids() == [first, first, made.worker.pid]
        assert (await made.start(rows(1))).error is None


async def test_a_hung_worker_is_killed_and_the_batch_given_back(tmp_path: Path) -> None:
    async with bench(tmp_path, run_limit_s=0.2) as made:
        await made.worker.start()
        outcome = await made.start(rows(14))
        assert outcome.lost
        assert "took more than 0.2 s for one run" in str(outcome.error)
        await made.until(lambda: made.worker.ready)
        assert made.told() == ["started", "hung", "started"]


async def test_a_stopped_worker_is_replaced_and_the_batch_given_back(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        await made.worker.start()
        pid = made.worker.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        outcome = await made.start(rows(1))
        assert outcome.lost
        assert "was stopped by a signal" in str(outcome.error)
        await made.until(lambda: made.worker.ready)
        assert (await made.start(rows(1))).error is None


async def test_one_that_dies_again_and_again_without_an_answer_says_what_it_said_at_the_end(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        await made.worker.start()
        for _ in range(MOST_DEATHS):
            await made.until(lambda: made.worker.ready)
            pid = made.worker.pid
            assert pid is not None
            os.kill(pid, signal.SIGSEGV)
            await made.until(lambda: not made.worker.ready)
        failure = made.worker.failure
        assert (
            f"was killed by signal 11 (SIGSEGV), {MOST_DEATHS} times without an answer; its last words: Fatal Python"
            in failure
        )
        assert made.told()[-1] == "failed"
        await made.until(lambda: made.worker.ready)
        assert not made.worker.failure


async def test_one_that_answers_between_its_deaths_is_in_no_crash_loop(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        await made.worker.start()
        for _ in range(MOST_DEATHS):
            await made.until(lambda: made.worker.ready)
            assert (await made.start(rows(1))).error is None
            pid = made.worker.pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            await made.until(lambda: not made.worker.ready)
        assert not made.worker.failure


async def test_a_model_that_cannot_be_loaded_gives_its_reason(tmp_path: Path) -> None:
    async with bench(tmp_path, "inputs = 3") as made:
        with pytest.raises(ModelInvalid, match="inputs"):
            await made.worker.start()


async def test_a_worker_that_dies_while_loading_says_how(tmp_path: Path) -> None:
    dies_of_zeros = MODEL.replace("crash_on = 13", "crash_on = 0")
    async with bench(tmp_path, dies_of_zeros, warm_up=(WarmUp(),)) as made:
        with pytest.raises(WorkerLost, match="exited with status 70 while it loaded the model"):
            await made.worker.start()


async def test_a_batch_axis_that_is_known_is_not_probed_again(tmp_path: Path) -> None:
    axis = BatchAxis(False, why="known")
    async with bench(tmp_path, axis=axis) as made:
        assert (await made.worker.start()).batch == axis


async def test_a_load_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    async with bench(tmp_path, MODEL + "delay_ms = 60000") as made:
        made.worker._process._keeping = msgspec.structs.replace(made.worker._process._keeping, load_timeout_s=0.3)
        with pytest.raises(ModelUnavailable, match=r"did not load within 0\.3 s"):
            await made.worker.start()


async def test_more_than_a_worker_can_be_told_is_refused_at_once(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        manifest = msgspec.structs.replace(made.worker._settings.asked.manifest, parameters={"a": "x" * 2_000_000})
        asked = msgspec.structs.replace(made.worker._settings.asked, manifest=manifest)
        made.worker._settings = msgspec.structs.replace(made.worker._settings, asked=asked)
        with pytest.raises(ModelInvalid, match="over the limit"):
            await made.worker.start()


async def test_closing_ends_the_process(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        await made.worker.start()
        pid = made.worker.pid
        assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_model_is_held_twice_until_its_worker_has_gone(tmp_path: Path) -> None:
    async with bench(tmp_path) as made:
        await made.worker.start()
        made.worker.heard(memoryview(wire.encode(wire.Spreads())))
        assert made.worker.spreads
        assert made.worker.pid is not None
        os.kill(made.worker.pid, signal.SIGKILL)
        await made.until(lambda: not made.worker.ready)
        assert not made.worker.spreads


async def test_a_child_that_follows_another_holds_its_model_once(tmp_path: Path) -> None:
    async with bench(tmp_path, spreads=True) as made:
        first = wire.decode_question(made.worker.load())
        await made.worker.start()
        second = wire.decode_question(made.worker.load())
        assert [isinstance(each, wire.Load) and each.asked.spreads for each in (first, second)] == [True, False]
