"""One child process with its channel: started, watched, ended. Knows no tensors."""

import asyncio
import signal
import socket
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from headrace.devices.process_stat import STATE, stat_fields
from headrace.workers import wire
from headrace.workers.birth import Births, Child, Command
from headrace.workers.imports import RUNS_BATCHES
from headrace.workers.last_words import LastWords

GRACE_S = 2.0  # between closing the channel and killing the process


class Link(Protocol):
    """Our end of the channel to a child; never blocks."""

    def fileno(self) -> int: ...

    def receive(self) -> Sequence[memoryview] | None:
        """The messages that are there, valid until the next call; None once the other side is gone.

        Raises BlockingIOError where nothing is there.
        """
        ...

    def send(self, message: bytes) -> bool:
        """Hand a message over; False where it is not taken: the other side is gone, or the message is too large."""
        ...

    def close(self) -> None: ...


class Program(msgspec.Struct, frozen=True):
    """What a child runs, and how one speaks with it."""

    module: str
    channel: Callable[[], tuple[socket.socket, socket.socket]]  # ours, and the child's
    link: Callable[[socket.socket], Link]


BATCHES = Program(RUNS_BATCHES, wire.channel, wire.Packets)
"""Runs batch after batch of a tensor model."""


class Process:
    """A running child; `on_message` gets each message, `on_end` is called once, when it is gone."""

    def __init__(
        self,
        child: Child,
        link: Link,
        words: LastWords,
        on_message: Callable[[memoryview], None],
        on_end: Callable[[str], None],
    ) -> None:
        self.pid = child.pid
        self.send = link.send  # hand a message over; False where the child did not take it
        self._child = child
        self._link = link
        self._receive = link.receive
        self._words = words
        self._on_message = on_message
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        self._ending: asyncio.Task[None] | None = None
        self._loop.add_reader(link.fileno(), self._readable)

    @classmethod
    async def start(
        cls,
        births: Births,
        fds: Sequence[int],
        threads: int,
        on_message: Callable[[memoryview], None],
        on_end: Callable[[str], None],
        program: Program = BATCHES,
        imports: tuple[str, ...] = (),
    ) -> "Process":
        """A child that runs the program with these descriptors of shared memory."""
        ours, theirs = program.channel()
        words = LastWords()
        try:
            with theirs:
                passed = (theirs.fileno(), *fds)
                child = await births.child(Command(program.module, passed, words.writing, threads, imports))
        except BaseException:
            words.close()
            ours.close()
            raise
        finally:
            words.given()
        ours.setblocking(False)
        return cls(child, program.link(ours), words, on_message, on_end)

    @property
    def last_words(self) -> str:
        """The last lines that it wrote to its standard error."""
        return self._words.text

    def is_stopped(self) -> bool:
        """Whether it was stopped by a signal and may never go on; a debugger's stops are none."""
        try:
            return stat_fields(self.pid)[STATE] == "T"
        except (OSError, IndexError):
            return False

    def kill(self) -> None:
        """End it now, if it has not ended; `on_end` follows."""
        self._child.kill()

    async def close(self) -> None:
        """Let it finish what it runs, then end; killed after a grace. `on_end` is still called."""
        self._shut()
        try:
            await asyncio.wait_for(self._ended.wait(), GRACE_S)
        except TimeoutError:
            self._child.kill()
            await self._ended.wait()

    def _readable(self) -> None:
        try:
            messages = self._receive()
        except BlockingIOError:
            return
        if messages is None:
            self._shut()
            self._loop.call_later(GRACE_S, self.kill)  # it has let go of the channel and may hang all the same
            return
        for message in messages:
            self._on_message(message)

    def _shut(self) -> None:
        """Close our end and wait for the process off the loop."""
        if self._ending is None:
            self._loop.remove_reader(self._link.fileno())
            self._link.close()
            self._ending = asyncio.ensure_future(self._end())

    async def _end(self) -> None:
        status = await self._child.wait()
        self._words.close()
        self._ended.set()
        self._on_end(_end_in_words(status))


def _end_in_words(status: int) -> str:
    if status >= 0:
        return f"exited with status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = "unknown"
    return f"was killed by signal {-status} ({name})"
