"""A child process, from its start to its end."""

import asyncio
import os
import signal

from headrace.workers.birth import Spawning
from headrace.workers.process import Process


class Bench:
    def __init__(self) -> None:
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def start(self) -> Process:
        return await Process.start(Spawning(), [], 1, lambda message: None, self.ended.set_result)


async def test_a_child_that_is_killed_is_told_of_by_its_signal() -> None:
    bench = Bench()
    process = await bench.start()
    os.kill(process.pid, signal.SIGKILL)
    assert await asyncio.wait_for(bench.ended, 30) == "was killed by signal 9 (SIGKILL)"
    assert not process.send(b"anyone there?")


async def test_closing_the_channel_lets_the_child_end_by_itself() -> None:
    bench = Bench()
    process = await bench.start()
    await process.close()
    assert await bench.ended == "exited with status 0"
