"""Children that are forked: they are what a new interpreter would be, and end as one would."""

import asyncio
import errno
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from headrace.workers.birth import Spawning
from headrace.workers.forking import Forked, Forking
from headrace.workers.process import BATCHES, Process
from tests.workers.processes import children, descriptors, lives, status, until, until_it_serves

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="it needs Linux")

IMPORTS = ("headrace.child", "headrace.runtimes.fake")


class Bench:
    def __init__(self, warm: int = 1) -> None:
        self.births = Forking(warm, Spawning())
        self.processes: list[Process] = []
        self.renew()

    def renew(self) -> None:
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def end(self, process: Process) -> None:
        await process.close()
        self.renew()

    async def start(self, imports: tuple[str, ...] = IMPORTS, threads: int = 3) -> Process:
        def end(how: str) -> None:
            if not self.ended.done():
                self.ended.set_result(how)

        process = await Process.start(self.births, [], threads, lambda message: None, end, BATCHES, imports)
        self.processes.append(process)
        return process

    async def close(self) -> None:
        for process in self.processes:
            await process.close()
        await self.births.close()


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    await made.close()


def is_forked(process: Process) -> bool:
    return isinstance(process._child, Forked)


async def test_a_child_that_is_killed_is_told_of_by_its_signal(bench: Bench) -> None:
    process = await bench.start()
    assert is_forked(process)
    os.kill(process.pid, signal.SIGKILL)
    assert await asyncio.wait_for(bench.ended, 30) == "was killed by signal 9 (SIGKILL)"


async def test_closing_the_channel_lets_the_child_end_by_itself(bench: Bench) -> None:
    process = await bench.start()
    await process.close()
    assert await bench.ended == "exited with status 0"


async def test_what_a_child_says_at_the_end_is_kept(bench: Bench) -> None:
    process = await bench.start()
    await asyncio.to_thread(until_it_serves, process.pid)
    os.kill(process.pid, signal.SIGABRT)
    assert "SIGABRT" in await asyncio.wait_for(bench.ended, 30)
    assert "Fatal Python error: Aborted" in process.last_words


async def test_it_has_no_more_descriptors_than_a_new_interpreter_would(bench: Bench) -> None:
    spawning = Bench(warm=0)
    process, other = await bench.start(), await spawning.start()
    for each in (process, other):
        await asyncio.to_thread(until_it_serves, each.pid)
    assert await asyncio.to_thread(descriptors, process.pid) == await asyncio.to_thread(descriptors, other.pid)
    assert os.getpgid(process.pid) == process.pid
    assert status(process.pid, "Name") == "headrace-worker"
    await spawning.close()


async def test_a_child_is_in_the_session_of_its_server_where_priorities_count_and_out_of_reach_of_its_terminals_keys(
    bench: Bench,
) -> None:
    spawning = Bench(warm=0)
    for each in (await bench.start(), await spawning.start()):
        await asyncio.to_thread(until_it_serves, each.pid)
        assert os.getsid(each.pid) == os.getsid(0)
        assert os.getpgid(each.pid) == each.pid
    await spawning.close()


async def test_the_next_one_waits_in_reserve(bench: Bench) -> None:
    process = await bench.start()
    zygote = int(status(process.pid, "PPid"))
    await bench.end(process)
    await asyncio.to_thread(until, lambda: children(zygote))
    (waiting,) = children(zygote)
    assert (await bench.start()).pid == waiting


async def test_one_in_reserve_that_was_killed_is_passed_over(bench: Bench) -> None:
    process = await bench.start()
    zygote = int(status(process.pid, "PPid"))
    await bench.end(process)
    await asyncio.to_thread(until, lambda: children(zygote))
    (waiting,) = children(zygote)
    os.kill(waiting, signal.SIGKILL)
    await asyncio.to_thread(until, lambda: waiting not in children(zygote))
    process = await bench.start()
    assert process.pid != waiting
    await process.close()
    assert await bench.ended == "exited with status 0"


async def test_children_of_a_zygote_that_dies_are_told_of_and_the_next_has_another(bench: Bench) -> None:
    process = await bench.start()
    os.kill(int(status(process.pid, "PPid")), signal.SIGKILL)
    assert "SIGKILL" in await asyncio.wait_for(bench.ended, 30)
    await asyncio.to_thread(until, lambda: not lives(process.pid))
    bench.renew()
    assert is_forked(await bench.start())


async def test_a_zygote_that_was_stopped_is_woken_for_the_end_of_a_child_and_for_the_next(bench: Bench) -> None:
    process = await bench.start()
    zygote = int(status(process.pid, "PPid"))
    os.kill(zygote, signal.SIGSTOP)
    os.kill(process.pid, signal.SIGSEGV)
    assert "SIGSEGV" in await asyncio.wait_for(bench.ended, 30)
    bench.renew()
    os.kill(zygote, signal.SIGSTOP)
    process = await asyncio.wait_for(bench.start(), 30)
    assert int(status(process.pid, "PPid")) == zygote


async def test_one_that_there_is_no_descriptor_for_is_started_anew(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(pid: int) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "pidfd_open", full)
    assert not is_forked(await bench.start())
    assert "Too many open files" in caplog.text


async def test_what_starts_threads_is_not_forked_and_that_is_said(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "threaded.py").write_text("import threading\nthreading.Thread(target=threading.Event().wait).start()\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    for _ in range(2):
        bench.renew()
        process = await bench.start(("threaded",))
        assert not is_forked(process)
        await process.close()
        assert await bench.ended == "exited with status 0"
    (told,) = caplog.messages
    assert "started anew, not forked: threaded started 1 thread(s)" in told


async def test_what_cannot_be_imported_is_not_forked(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    process = await bench.start(("no_such_library",))
    assert not is_forked(process)
    assert "No module named 'no_such_library'" in caplog.text
    await process.close()


async def test_where_none_is_to_wait_each_is_a_new_interpreter() -> None:
    bench = Bench(warm=0)
    process = await bench.start()
    assert not is_forked(process)
    await process.close()
