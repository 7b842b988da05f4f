"""A child of a new interpreter."""

import asyncio
import os
import signal
import sys
from pathlib import Path

from headrace.workers import wire
from headrace.workers.birth import Command, Spawning, environment
from tests.workers.processes import until_it_serves, words


async def test_it_runs_the_module_with_its_parent_and_its_descriptors() -> None:
    ours, theirs = wire.channel()
    number = theirs.fileno()
    child = await Spawning().child(Command("headrace.child", (number,), 2, 1))
    await asyncio.to_thread(until_it_serves, child.pid)
    line = await asyncio.to_thread(words, child.pid, "cmdline")
    assert line == [sys.executable, "-m", "headrace.child", str(os.getpid()), str(number)]
    assert "OMP_NUM_THREADS=1" in await asyncio.to_thread(words, child.pid, "environ")
    theirs.close()
    ours.close()
    assert await child.wait() == 0


async def test_it_ends_with_the_thread_that_made_it() -> None:
    spawning = Spawning()
    ours, theirs = wire.channel()
    with ours, theirs:
        child = await spawning.child(Command("headrace.child", (theirs.fileno(),), 2, 1))
        await asyncio.to_thread(until_it_serves, child.pid)
        spawning._thread.shutdown()
        assert await child.wait() == -signal.SIGKILL


def _children() -> set[str]:
    """Process ids of what this process has started, and not yet waited for."""
    lists = Path("/proc/self/task").glob("*/children")
    return {pid for each in lists for pid in each.read_text().split()}


async def test_one_that_nobody_waits_for_any_more_is_ended_and_waited_for() -> None:
    before = _children()  # other tests may leave some
    ours, theirs = wire.channel()
    with ours, theirs:
        birth = asyncio.ensure_future(Spawning().child(Command("headrace.child", (theirs.fileno(),), 2, 1)))
        await asyncio.sleep(0)  # it is asked for
        birth.cancel()
        await asyncio.gather(birth, return_exceptions=True)
    assert birth.cancelled()
    assert _children() <= before


def test_its_libraries_have_the_threads_that_it_may_use() -> None:
    assert environment(3)["OMP_NUM_THREADS"] == "3"
    assert environment(3)["OPENBLAS_NUM_THREADS"] == "1"
