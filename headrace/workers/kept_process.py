"""A child process that is kept: loaded, watched while it owes something, and started again when it dies."""

import asyncio
import logging
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import msgspec

from headrace.clock import Clock, unix_s
from headrace.devices.gives_way import GivesWay, at_once
from headrace.errors import HeadraceError, ModelUnavailable, WorkerLost
from headrace.records import Recorder, WorkerEvent
from headrace.types import ModelVersion
from headrace.work import Phases, Work, Works
from headrace.workers.birth import Births
from headrace.workers.last_words import placeless
from headrace.workers.process import Process, Program
from headrace.workers.restarts import Restarts
from headrace.workers.watchdog import Watchdog

log = logging.getLogger(__name__)

Facts = TypeVar("Facts")
"""What the child says of the model that it has loaded."""


class Keeping(msgspec.Struct, frozen=True):
    """What the child is, and how long it may take to load."""

    version: ModelVersion
    program: Program
    threads: int
    load_timeout_s: float
    fds: tuple[int, ...] = ()  # of shared memory
    instance: int = 0
    imports: tuple[str, ...] = ()  # modules that it will need
    path: Path | None = None  # of the model's file, whose folders are not told with what the child said
    variant: str = ""  # that the file is, among several of the model


class Owner(Protocol):
    """Whose child it is."""

    def load(self) -> bytes:
        """The first message. Raises ModelInvalid where there can be none."""
        ...

    def heard(self, message: memoryview) -> None:
        """The child says something; `loaded` or `load_failed` is called with what it says first."""
        ...

    def lost(self, why: str) -> None:
        """The child is gone; the next one is on its way, if it had been ready."""
        ...

    def back(self) -> None:
        """The next child is ready."""
        ...

    def gave_up(self) -> None:
        """The child died or did not start, as often before: `failure` says why, and it is tried again later."""
        ...


class _Nobody:
    """Whose child one is that is closed."""

    def load(self) -> bytes:
        return b""

    def heard(self, message: memoryview) -> None: ...

    def lost(self, why: str) -> None: ...

    def back(self) -> None: ...

    def gave_up(self) -> None: ...


class KeptProcess(Generic[Facts]):
    """Owns the child, and the task that starts the next one."""

    def __init__(
        self,
        keeping: Keeping,
        owner: Owner,
        births: Births,
        record: Recorder,
        clock: Clock,
        works: Works | None = None,
    ) -> None:
        self._works = works or Works(record, clock)
        self._loading = Work()  # the one under way
        self.ready = False
        self.failure = ""  # why there is none, once several have died without an answer
        self._keeping = keeping
        self._owner = owner
        self._births = births
        self._record = record
        self._clock = clock
        self._process: Process | None = None
        self._loaded: asyncio.Future[Facts] | None = None
        self._served = False  # something, since this child started
        self._restarts = Restarts()
        self._restarting: asyncio.Task[None] | None = None
        self._watchdog = Watchdog(clock, self._is_stopped, self._hung)
        self.watch = self._watchdog.watch
        self.rest = self._watchdog.rest
        self._why = ""  # it is killed
        self.overran = False  # whether the last one was killed because a run of its did not end

    @property
    def pid(self) -> int | None:
        """Of the child; None while there is none."""
        return self._process.pid if self._process else None

    async def start(self, gives_way: GivesWay = at_once) -> Facts:
        """Start a child and have it load the model, during which it `gives_way`.

        Raises what `load_failed` was called with, WorkerLost where the child died of it, ModelUnavailable where it
        took too long.
        """
        with self._works.doing(self._keeping.version, "load") as self._loading:
            return await self._start(gives_way)

    async def _start(self, gives_way: GivesWay) -> Facts:
        loaded: asyncio.Future[Facts] = asyncio.get_running_loop().create_future()
        message = self._owner.load()
        self._loaded = loaded
        self._served, self._why, self.overran = False, "", False
        keeping = self._keeping
        process = self._process = await Process.start(
            self._births,
            keeping.fds,
            keeping.threads,
            self._owner.heard,
            self._on_end,
            keeping.program,
            keeping.imports,
        )
        try:
            self._watchdog.watch_load(self._clock.now_ns())
            with gives_way(process.pid):
                if not process.send(message):
                    process.kill()  # it may live, and would wait for ever
                facts = await asyncio.wait_for(loaded, keeping.load_timeout_s)
        except TimeoutError:
            process.kill()
            await process.close()
            seconds = f"{keeping.load_timeout_s:g} s (workers.load_timeout_s)"
            raise ModelUnavailable(f"the model did not load within {seconds}") from None
        except BaseException:
            await process.close()
            raise
        self._watchdog.rest()
        self.failure = ""
        self.ready = True
        self._tell("started", "", process.pid)
        return facts

    def loaded(self, facts: Facts, spent_ns: Phases = ()) -> None:
        """The child says so, and how long it spent on what is not loading itself."""
        self._loading.spent_ns = spent_ns
        if self._loaded and not self._loaded.done():
            self._loaded.set_result(facts)

    def load_failed(self, error: HeadraceError) -> None:
        if self._loaded and not self._loaded.done():
            self._loaded.set_exception(error)

    def send(self, message: bytes) -> None:
        """Tell the child, which is ready; one that does not take it is ended."""
        assert self._process is not None, "not ready"
        if not self._process.send(message):
            self._process.kill()

    def served(self) -> None:
        """The child has answered something."""
        self._served = True

    async def close(self) -> None:
        self.ready = False
        if self._restarting:
            self._restarting.cancel()
            await asyncio.gather(self._restarting, return_exceptions=True)
        if self._process:
            await self._process.close()
        self._watchdog.close()
        self._owner = _Nobody()  # nothing leads in a circle to what has gone

    # ---- what goes wrong

    def _is_stopped(self) -> bool:
        return self._process is not None and self._process.is_stopped()

    def _hung(self, why: str) -> None:
        self._why, self.overran = why, not self._is_stopped()
        if self._process:
            self._process.kill()

    def _on_end(self, how: str) -> None:
        why = self._why or how
        pid, said = self.pid or 0, _said(self._process.last_words if self._process else "", self._keeping.path)
        was_ready, self.ready = self.ready, False
        self._process = None
        self._watchdog.stop()
        if self._loaded and not self._loaded.done():
            self._tell("died", why, pid)
            self._loaded.set_exception(WorkerLost(f"its worker {why} while it loaded the model{said}"))
        elif was_ready:
            self._tell("hung" if self._why else "died", why, pid)
            self._restarts = self._restarts.after(self._served)
            if self._restarts.given_up:
                self._fail(f"its worker {why}, {self._restarts.fruitless} times without an answer{said}")
            self._restarting = asyncio.ensure_future(self._restart())
        self._owner.lost(why)
        if was_ready and self._restarts.given_up:
            self._owner.gave_up()  # behind `lost`: what the child had waits again

    async def _restart(self) -> None:
        while True:
            await asyncio.sleep(self._restarts.delay_s)
            try:
                await self.start()
                break
            except (HeadraceError, OSError) as error:
                log.warning("%s: the worker did not start: %s", self._keeping.version, error)
                self._restarts = self._restarts.after_failed_start()
                if self._restarts.given_up:
                    self._fail(placeless(f"its worker does not start: {error}", self._keeping.path))
                    self._owner.gave_up()
        self._owner.back()

    def _fail(self, why: str) -> None:
        """Whoever asks is told so, until a child is ready."""
        self.failure = why
        self._tell("failed", why, 0)

    def _tell(self, what: str, reason: str, pid: int) -> None:
        at_s = unix_s(self._clock)
        keeping = self._keeping
        self._record(WorkerEvent(keeping.version, keeping.instance, what, reason, at_s, pid, keeping.variant))


def _said(words: str, path: Path | None) -> str:
    return f"; its last words: {placeless(words, path)}" if words else ""
