"""How a child process comes into being: the protocol, and the way that always works, a new interpreter."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Protocol

import msgspec

import headrace
from headrace.allocator import TUNABLES, tunables


class Command(msgspec.Struct, frozen=True):
    """What a child is to run, and what it is given."""

    module: str  # its `main` gets the parent's process id and the descriptors, as text
    fds: tuple[int, ...]  # the channel, then shared memory
    stderr: int  # a descriptor
    threads: int
    imports: tuple[str, ...] = ()  # modules that it will need, where it may be forked from who has them already


class Child(Protocol):
    """A process that was made and has not been waited for."""

    @property
    def pid(self) -> int: ...

    def kill(self) -> None:
        """End it now; one that has ended is no fault."""
        ...

    async def wait(self) -> int:
        """Its status once it has ended, negative where a signal ended it. Called once."""
        ...


class Births(Protocol):
    """Makes children; they live no longer than what made them."""

    async def child(self, command: Command) -> Child:
        """A child that runs the command. Raises OSError where there can be none. The descriptors stay the caller's."""
        ...


class Spawning:
    """Starts a new interpreter for each child, on a thread of its own, which lives as long as this does.

    The thread matters: the kernel ends a child with the thread that has started it.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spawn")

    async def child(self, command: Command) -> "Spawned":
        loop = asyncio.get_running_loop()
        birth = loop.run_in_executor(self._thread, spawn, command)
        try:
            return Spawned(await asyncio.shield(birth))
        except (
            asyncio.CancelledError
        ):  # it is made all the same, with descriptors that are the caller's again after this
            (unwanted,) = await asyncio.gather(birth, return_exceptions=True)
            if isinstance(unwanted, subprocess.Popen):
                unwanted.kill()
                await loop.run_in_executor(None, unwanted.wait)
            raise


class Spawned:
    """A child of a new interpreter."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self.pid = child.pid
        self.kill = child.kill
        self.go_on = partial(child.send_signal, signal.SIGCONT)  # where it was stopped
        self._child = child

    async def wait(self) -> int:
        return await asyncio.get_running_loop().run_in_executor(None, self._child.wait)


def environment(threads: int) -> Mapping[str, str]:
    """What a child's libraries read of how many threads it may have and how large pages, and where its modules are."""
    places = [str(Path(headrace.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    return {
        "PYTHONPATH": os.pathsep.join(filter(None, places)),
        "PYTHONSAFEPATH": "1",  # the folder that the server was started in is no place for modules
        "OMP_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": "1",
        TUNABLES: tunables(os.environ),
        "ORT_DISABLE_TELEMETRY": "1",  # it tells its maker of every start, on a thread that a fork would not have
    }


def spawn(command: Command) -> subprocess.Popen[bytes]:
    """A new interpreter, which ends with the thread that calls this. Raises OSError where there can be none."""
    line = [sys.executable, "-m", command.module, *map(str, (os.getpid(), *command.fds))]
    return subprocess.Popen(
        line,
        pass_fds=command.fds,
        env={**os.environ, **environment(command.threads)},
        stdin=subprocess.DEVNULL,
        stderr=command.stderr,
        process_group=0,  # no session: the kernel weighs priorities only within one
    )
