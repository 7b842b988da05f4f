"""Children forked from processes that have imported what they need: a zygote for each kind, started when first needed.

Where there can be no fork, a child is a new interpreter instead, and why is said once.
"""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

from headrace.workers import fork_wire as wire
from headrace.workers.ahead import Ahead, Kind, prepared
from headrace.workers.birth import Child, Command, Spawned, Spawning, environment

log = logging.getLogger(__name__)

Said = TypeVar("Said")

READY_S = 60.0  # that a zygote may take to import, or to answer
STOPPED_S = 1.0  # without an answer, after which it may have been stopped by a signal, and is told to go on


class CannotFork(Exception):
    """Why a zygote has no child for us; the next question may be answered."""


class Forking:
    """Makes children by the modules that their commands ask for. Owns the zygotes."""

    def __init__(
        self, warm: int, spawning: Spawning | None = None, ahead: Ahead | None = None, ready_bytes: int = 0
    ) -> None:
        """`warm`: how many children of each kind wait in reserve, each with `ready_bytes` of memory; 0: none is forked
        at all. Takes from `ahead` what was started before this was made."""
        self._warm = warm if hasattr(os, "pidfd_open") else 0
        self._ready_bytes = ready_bytes
        self._spawning = spawning or Spawning()
        self._ahead = ahead or Ahead()
        self._zygotes: dict[Kind, asyncio.Task[_Zygote]] = {}
        self._refused: set[Kind] = set()  # kinds that cannot be forked

    async def child(self, command: Command) -> Child:
        kind = command.imports
        if not self._warm or not kind or kind in self._refused:
            return await self._spawning.child(command)
        try:
            zygote = await self._zygote(kind)
            return await zygote.child(command)
        except (CannotFork, OSError, TimeoutError) as error:
            log.warning("a worker is started anew, not forked: %s", error or "its zygote is not ready")
        return await self._spawning.child(command)

    async def forget_ahead(self) -> None:
        """End the zygotes that were started before and that no model has asked for."""
        await asyncio.to_thread(self._ahead.close)

    async def close(self) -> None:
        """End the zygotes, and with them what is left of their children."""
        await self.forget_ahead()
        tasks = list(self._zygotes.values())
        for task in tasks:
            task.cancel()
        for found in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(found, _Zygote):
                await found.close()

    async def _zygote(self, kind: Kind) -> "_Zygote":
        """The one of this kind; a new one where it died. Raises CannotFork, OSError or TimeoutError."""
        task = self._zygotes.get(kind)
        if task is None or (task.done() and (task.cancelled() or task.exception() or not task.result().alive)):
            task = self._zygotes[kind] = asyncio.ensure_future(self._start(kind))
        return await asyncio.shield(task)

    async def _start(self, kind: Kind) -> "_Zygote":
        started = self._ahead.take(kind)
        zygote = _Zygote(Spawned(started.process), started.channel) if started else await self._begin(kind)
        try:
            why_not = await asyncio.wait_for(zygote.said(zygote.ready), READY_S)
        except BaseException:
            await zygote.close()
            raise
        if why_not:
            self._refused.add(kind)
            await zygote.close()
            raise CannotFork(why_not)
        return zygote

    async def _begin(self, kind: Kind) -> "_Zygote":
        """One that imports what its kind needs. Raises OSError."""
        ours, theirs = wire.channel()
        try:
            with theirs:
                process = await self._spawning.child(prepared(ours, theirs, kind, self._warm, self._ready_bytes))
            return _Zygote(process, ours)
        except BaseException:
            ours.close()
            raise


class _Zygote:
    """One zygote and the children that were asked of it."""

    def __init__(self, process: Spawned, channel: socket.socket) -> None:
        self.alive = True
        self._loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[str] = self._loop.create_future()
        self._process = process
        self._channel = channel
        self._channel.setblocking(False)
        self._number = 0
        self._births: dict[int, asyncio.Future[Forked]] = {}
        self._children: dict[int, Forked] = {}  # that were not told to have ended
        self._loop.add_reader(channel.fileno(), self._readable)
        self._closing: asyncio.Task[int] | None = None

    async def child(self, command: Command) -> "Forked":
        """Raises CannotFork or OSError."""
        self._number += 1
        birth: asyncio.Future[Forked] = self._loop.create_future()
        self._births[self._number] = birth
        question = wire.Fork(self._number, command.module, dict(environment(command.threads)))
        try:
            wire.ask(self._channel, question, (command.stderr, *command.fds))
            return await asyncio.wait_for(self.said(birth), READY_S)
        finally:
            self._births.pop(question.number, None)

    async def said(self, answer: "asyncio.Future[Said]") -> Said:
        """What it answers. Nobody else can wake one that was stopped, on which workers' births and ends would wait."""
        while not (await asyncio.wait((answer,), timeout=STOPPED_S))[0]:
            self._process.go_on()
        return answer.result()

    async def close(self) -> None:
        self._shut("it was closed")
        if self._closing is not None:
            await self._closing

    def _readable(self) -> None:
        try:
            message = self._channel.recv(wire.MAX_MESSAGE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            message = b""
        if not message:
            self._shut("its zygote is gone")
            return
        answer = wire.decode_answer(message)
        if isinstance(answer, wire.Ready):
            if not self.ready.done():
                self.ready.set_result(answer.why_not)
        elif isinstance(answer, wire.Born):
            self._born(answer)
        elif isinstance(answer, wire.Unborn):
            birth = self._births.get(answer.number)
            if birth and not birth.done():
                birth.set_exception(CannotFork(answer.why))
        elif child := self._children.pop(answer.pid, None):
            child.ended(answer.status)

    def _born(self, answer: wire.Born) -> None:
        birth = self._births.get(answer.number)
        try:
            child = Forked(answer.pid, self._loop.create_future(), self.said)
        except OSError as error:  # no descriptor is left; the child ends with its channel
            if birth and not birth.done():
                birth.set_exception(CannotFork(str(error)))
            return
        self._children[answer.pid] = child
        if birth and not birth.done():
            birth.set_result(child)
        else:
            child.kill()  # nobody waits for it any more

    def _shut(self, why: str) -> None:
        """Let go of the zygote: it ends, and the kernel ends its children with it."""
        if not self.alive:
            return
        self.alive = False
        self._loop.remove_reader(self._channel.fileno())
        self._channel.close()
        self._process.kill()
        self._closing = asyncio.ensure_future(self._process.wait())
        _fail(self.ready, why)
        for birth in self._births.values():
            _fail(birth, why)
        for child in self._children.values():
            child.kill()
            child.ended(-signal.SIGKILL)
        self._children = {}


def _fail(future: "asyncio.Future[Any]", why: str) -> None:
    if not future.done():
        future.set_exception(CannotFork(why))
        future.exception()  # whoever waits is told, and if nobody does that is no fault


class Forked:
    """A child of a zygote's, which tells of its end."""

    def __init__(
        self, pid: int, status: "asyncio.Future[int]", said: Callable[["asyncio.Future[int]"], Awaitable[int]]
    ) -> None:
        self.pid = pid
        self._status = status
        self._said = said
        try:
            self._fd = os.pidfd_open(pid)  # means this process even when the number is another's
        except ProcessLookupError:
            self._fd = -1  # it has ended already

    def kill(self) -> None:
        if self._fd >= 0:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._fd, signal.SIGKILL)

    async def wait(self) -> int:
        return await self._said(self._status)

    def ended(self, status: int) -> None:
        """Its zygote says so."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        if not self._status.done():
            self._status.set_result(status)
