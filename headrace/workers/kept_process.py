"""A child process that is kept: loaded, watched while it owes something, and started again when it dies."""

import asyncio
import logging
import time
from typing import Generic, Protocol, TypeVar

import msgspec

from headrace.clock import Clock, Timer
from headrace.errors import HeadraceError, ModelUnavailable, WorkerLost
from headrace.records import Recorder, WorkerEvent
from headrace.types import ModelVersion
from headrace.workers.process import Process, Program
from headrace.workers.restarts import Restarts

log = logging.getLogger(__name__)

Facts = TypeVar("Facts")
"""What the child says of the model that it has loaded."""


class Keeping(msgspec.Struct, frozen=True):
    """What the child is, and how long it may take."""

    version: ModelVersion
    program: Program
    load: bytes  # the first message
    threads: int
    load_timeout_s: float
    step_timeout_s: float


class Owner(Protocol):
    """Whose child it is."""

    def heard(self, message: memoryview) -> None:
        """The child says something; `loaded` or `load_failed` is called with what it says first."""
        ...

    def owed(self) -> bool:
        """Whether the child has yet to answer something."""
        ...

    def lost(self, why: str) -> None:
        """The child is gone; the next one is on its way, if it had been ready."""
        ...

    def back(self) -> None:
        """The next child is ready."""
        ...


class KeptProcess(Generic[Facts]):
    """Owns the child, and the task that starts the next one."""

    def __init__(self, keeping: Keeping, owner: Owner, record: Recorder, clock: Clock) -> None:
        self.ready = False
        self.failure = ""  # why there is none, once several starts have failed
        self._keeping = keeping
        self._owner = owner
        self._record = record
        self._clock = clock
        self._process: Process | None = None
        self._loaded: asyncio.Future[Facts] | None = None
        self._served = False  # something, since this child started
        self._restarts = Restarts()
        self._restarting: asyncio.Task[None] | None = None
        self._hang: Timer | None = None
        self._since_ns = 0  # the last sign of life, or that something is owed
        self._timeout_ns = int(keeping.step_timeout_s * 1e9)
        self._why = ""  # it is killed

    @property
    def pid(self) -> int | None:
        """Of the child; None while there is none."""
        return self._process.pid if self._process else None

    async def start(self) -> Facts:
        """Start a child and have it load the model.

        Raises what `load_failed` was called with, WorkerLost where the child died of it, ModelUnavailable where it
        took too long.
        """
        loaded: asyncio.Future[Facts] = asyncio.get_running_loop().create_future()
        self._loaded = loaded
        self._served, self._why = False, ""
        keeping = self._keeping
        process = await Process.start([], keeping.threads, self._owner.heard, self._on_end, keeping.program)
        self._process = process
        if not process.send(keeping.load):
            process.kill()  # it may live, and would wait for ever
        try:
            facts = await asyncio.wait_for(loaded, keeping.load_timeout_s)
        except TimeoutError:
            process.kill()
            await process.close()
            seconds = f"{keeping.load_timeout_s:g} s (workers.load_timeout_s)"
            raise ModelUnavailable(f"the model did not load within {seconds}") from None
        except BaseException:
            await process.close()
            raise
        self.failure = ""
        self.ready = True
        self._tell("started", "", process.pid)
        return facts

    def loaded(self, facts: Facts) -> None:
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
        """The child lives, and has been of use."""
        self._served = True
        self.watch()

    def watch(self) -> None:
        """From now on it has its time. One timer looks after all steps: it is set again when it fires."""
        self._since_ns = self._clock.now_ns()
        if self._hang is None:
            self._hang = self._clock.call_at(self._since_ns + self._timeout_ns, self._check_hang)

    async def close(self) -> None:
        self.ready = False
        if self._restarting:
            self._restarting.cancel()
            await asyncio.gather(self._restarting, return_exceptions=True)
        if self._process:
            await self._process.close()
        self._unwatch()

    # ---- what goes wrong

    def _check_hang(self) -> None:
        self._hang = None
        if not self._owner.owed():
            return
        due_ns = self._since_ns + self._timeout_ns
        if self._clock.now_ns() < due_ns:
            self._hang = self._clock.call_at(due_ns, self._check_hang)
        elif self._process:
            self._why = f"took more than {self._keeping.step_timeout_s:g} s for one step"
            self._process.kill()

    def _unwatch(self) -> None:
        if self._hang:
            self._hang.cancel()
            self._hang = None

    def _on_end(self, how: str) -> None:
        why = self._why or how
        pid = self.pid or 0
        was_ready, self.ready = self.ready, False
        self._process = None
        self._unwatch()
        if self._loaded and not self._loaded.done():
            self._tell("died", why, pid)
            self._loaded.set_exception(WorkerLost(f"its worker {why} while it loaded the model"))
        elif was_ready:
            self._tell("hung" if self._why else "died", why, pid)
            self._restarts = self._restarts.after(self._served)
            self._restarting = asyncio.ensure_future(self._restart())
        self._owner.lost(why)

    async def _restart(self) -> None:
        while True:
            if self._restarts.given_up:
                self.failure = "its worker dies again and again; the server's log says why"
            await asyncio.sleep(self._restarts.delay_s)
            try:
                await self.start()
                break
            except (HeadraceError, OSError) as error:
                log.warning("%s: the worker did not start: %s", self._keeping.version, error)
                self._restarts = self._restarts.after(served=False)
        self._owner.back()

    def _tell(self, what: str, reason: str, pid: int) -> None:
        self._record(WorkerEvent(self._keeping.version, 0, what, reason, time.time(), pid))
