"""A child process that is kept: what is told of its starts and ends. What it answers is tested with its owners."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from headrace.clock import LoopClock
from headrace.errors import ModelInvalid, ModelUnavailable, WorkerLost
from headrace.generation import LanguageFacts
from headrace.llm.engine_protocol import EngineLoading
from headrace.records import Record, WorkerEvent
from headrace.settings import Llm
from headrace.types import Manifest, ModelVersion
from headrace.workers import engine_wire as wire
from headrace.workers.birth import Spawning
from headrace.workers.engine_remote import STEPS
from headrace.workers.kept_process import Keeping, KeptProcess
from headrace.workers.restarts import MOST_DEATHS, Restarts


class Bench:
    """The owner of a child that answers nothing."""

    def __init__(self, path: Path, load_timeout_s: float = 30) -> None:
        self.records: list[Record] = []
        self.ends: list[str] = []
        self.ends_when_given_up = 0
        self.returned = asyncio.Event()
        self.given_up = asyncio.Event()
        self._path = path
        keeping = Keeping(ModelVersion("m", 1), STEPS, 1, load_timeout_s, path=path)
        clock = LoopClock(asyncio.get_running_loop())
        self.process: KeptProcess[LanguageFacts] = KeptProcess(keeping, self, Spawning(), self.records.append, clock)

    def load(self) -> bytes:
        return wire.encode(wire.Load(EngineLoading(Manifest("m", 1, self._path, "fakellm"), 1, Llm())))

    def heard(self, message: memoryview) -> None:
        answer = wire.decode_answer(message)
        if isinstance(answer, wire.Loaded):
            self.process.loaded(answer.facts)
        elif isinstance(answer, wire.LoadFailed):
            self.process.load_failed(ModelInvalid(answer.fault.message))

    def lost(self, why: str) -> None:
        self.ends.append(why)

    def back(self) -> None:
        self.returned.set()

    def gave_up(self) -> None:
        self.ends_when_given_up = len(self.ends)
        self.given_up.set()

    def told(self) -> list[str]:
        return [record.what for record in self.records if isinstance(record, WorkerEvent)]


async def test_a_start_gives_what_the_child_says_of_the_model(tmp_path: Path) -> None:
    (tmp_path / "model.fakellm").touch()
    bench = Bench(tmp_path / "model.fakellm")
    assert (await bench.process.start()).family == "fake"
    assert bench.process.ready
    await bench.process.close()
    assert bench.told() == ["started"]


async def test_it_gives_way_from_before_it_loads_until_it_is_ready(tmp_path: Path) -> None:
    (tmp_path / "model.fakellm").touch()
    bench, told = Bench(tmp_path / "model.fakellm"), list[object]()

    @contextmanager
    def gives_way(pid: int) -> Iterator[None]:
        told.append(bench.process.pid == pid)
        yield
        told.append(bench.told())

    await bench.process.start(gives_way)
    assert told == [True, []]
    assert bench.told() == ["started"]
    await bench.process.close()


async def test_one_that_dies_is_started_again(tmp_path: Path) -> None:
    (tmp_path / "model.fakellm").touch()
    bench = Bench(tmp_path / "model.fakellm")
    await bench.process.start()
    pid = bench.process.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await asyncio.wait_for(bench.returned.wait(), 30)
    assert bench.ends == ["was killed by signal 9 (SIGKILL)"]
    assert bench.told() == ["started", "died", "started"]
    await bench.process.close()


async def test_its_owner_is_told_once_it_cannot_be_started_again(tmp_path: Path) -> None:
    path = tmp_path / "model.fakellm"
    path.touch()
    bench = Bench(path)
    await bench.process.start()
    path.unlink()
    assert bench.process.pid is not None
    os.kill(bench.process.pid, signal.SIGKILL)
    await asyncio.wait_for(bench.given_up.wait(), 30)
    assert "its worker does not start" in bench.process.failure
    await bench.process.close()


async def test_its_owner_is_told_once_it_has_died_again_and_again_behind_the_news_that_it_did(tmp_path: Path) -> None:
    (tmp_path / "model.fakellm").touch()
    bench = Bench(tmp_path / "model.fakellm")
    await bench.process.start()
    bench.process._restarts = Restarts(MOST_DEATHS - 2)
    for _ in range(2):
        assert not bench.given_up.is_set()
        bench.returned.clear()
        assert bench.process.pid is not None
        os.kill(bench.process.pid, signal.SIGKILL)
        await asyncio.wait_for(bench.returned.wait(), 30)
    assert bench.ends_when_given_up == 2
    await bench.process.close()


async def test_a_load_that_fails_raises_the_reason_and_is_not_tried_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "none.fakellm")
    with pytest.raises(ModelInvalid, match="No such file"):
        await bench.process.start()
    assert bench.told() == []


async def test_what_it_said_at_the_end_is_told_without_where_its_model_lies(tmp_path: Path) -> None:
    path = tmp_path / "m" / "1" / "model.fakellm"
    path.parent.mkdir(parents=True)
    os.mkfifo(path)
    bench = Bench(path)
    starting = asyncio.ensure_future(bench.process.start())
    with await asyncio.to_thread(path.open, "w"):
        assert bench.process._process is not None
        bench.process._process._words._lines.append(f"cannot read {path}")
        os.kill(bench.process._process.pid, signal.SIGKILL)
        with pytest.raises(WorkerLost, match=r"its last words: cannot read model\.fakellm"):
            await starting


async def test_a_load_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "model.fakellm"
    os.mkfifo(path)  # whoever opens it waits for a writer
    bench = Bench(path, load_timeout_s=0.5)
    with pytest.raises(ModelUnavailable, match=r"did not load within 0\.5 s"):
        await bench.process.start()
    assert not bench.process.ready


async def test_one_that_is_stopped_while_it_loads_is_ended_long_before_its_load_takes_too_long(tmp_path: Path) -> None:
    path = tmp_path / "model.fakellm"
    os.mkfifo(path)
    bench = Bench(path)
    starting = asyncio.ensure_future(bench.process.start())
    with await asyncio.to_thread(path.open, "w"):
        assert bench.process.pid is not None
        os.kill(bench.process.pid, signal.SIGSTOP)
        with pytest.raises(WorkerLost, match="was stopped by a signal while it loaded the model"):
            await starting


async def test_one_that_dies_while_it_loads_says_how(tmp_path: Path) -> None:
    path = tmp_path / "model.fakellm"
    os.mkfifo(path)
    bench = Bench(path)
    starting = asyncio.ensure_future(bench.process.start())
    with await asyncio.to_thread(path.open, "w"):  # as soon as the child reads it
        assert bench.process.pid is not None
        os.kill(bench.process.pid, signal.SIGKILL)
        with pytest.raises(WorkerLost, match=r"killed by signal 9 .* while it loaded the model"):
            await starting
    assert bench.told() == ["died"]
