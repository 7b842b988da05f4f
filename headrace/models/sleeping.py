"""The Servable of a version that is not in memory: what is asked of it waits until it is loaded, and is passed on."""

import asyncio
from collections.abc import Callable

import msgspec

from headrace.clock import Clock, Timer
from headrace.errors import SOON_S, DeadlineExceeded, HeadraceError, ModelUnavailable, QueueFull
from headrace.servable import Cancel, Reply, Servable
from headrace.types import Backlog, BatchAxis, ModelVersion, Request, Response, Signature

UNKNOWN = Signature((), (), BatchAxis(False, why="it was never loaded"), platform="", runtime="")
"""Of a version that nobody has loaded yet."""


class MayWait(msgspec.Struct, frozen=True):
    """What may wait for a version to be loaded, and how long; 0 seconds: it is told to ask again."""

    seconds: float = 60.0
    requests: int = 1024
    num_bytes: int = 256 << 20  # of their inputs


class Sleeper:
    """Stands where a version is served, and has it loaded by the first request; owns every request until then.

    All methods are called on the event loop.
    """

    def __init__(
        self,
        version: ModelVersion,
        signature: Signature | None,
        wake: Callable[["Sleeper"], None],
        limits: MayWait,
        clock: Clock,
        load_s: float | None = None,
    ) -> None:
        """`wake` has the version loaded; it may be called again while that is so. `load_s` is how long it took."""
        self.version = version
        self.signature = signature or UNKNOWN
        self._wake = wake
        self._limits = limits
        self._clock = clock
        self._load_s = load_s
        self._waiting: dict[int, _Waiting] = {}  # in the order of their coming
        self._told: set[asyncio.Future[None]] = set()  # that wait for nothing but its loading
        self._num_bytes = 0
        self._count = 0
        self._next: Servable | None = None  # once it is loaded
        self._refusal: HeadraceError | None = None  # once nothing more can come of it

    @property
    def known(self) -> bool:
        """Whether its signature is what loading has found."""
        return self.signature is not UNKNOWN

    def submit(self, request: Request, reply: Reply) -> Cancel:
        if self._next is not None:  # whoever asks found it just before it was replaced
            return self._next.submit(request, reply)
        waiting = _Waiting(request, reply)
        try:
            self._admit(waiting)
        except HeadraceError as error:
            reply(error)
            return _nothing
        number = self._count = self._count + 1
        self._waiting[number] = waiting
        self._num_bytes += waiting.num_bytes
        now_ns = self._clock.now_ns()
        until_ns, deadline_ns = now_ns + int(self._limits.seconds * 1e9), request.context.deadline_ns
        due_ns = until_ns if deadline_ns is None else min(until_ns, deadline_ns)
        waiting.timer = self._clock.call_at(due_ns, lambda: self._late(number, due_ns == deadline_ns))
        self._wake(self)
        return lambda: self._cancel(number, waiting)

    async def awake(self) -> None:
        """Have it loaded, and wait until it is.

        Raises why it could not be, or ModelUnavailable where that takes longer than requests may wait.
        """
        self._check()
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._told.add(told)
        self._wake(self)
        try:
            await asyncio.wait_for(told, self._limits.seconds)
        except TimeoutError:
            raise self._too_long() from None
        finally:
            self._told.discard(told)

    def backlog(self) -> Backlog:
        return Backlog(len(self._waiting), 0)

    def hand_over(self, servable: Servable) -> None:
        """It is loaded: what waits is asked of this, in its order, and so is what still comes here."""
        self._next, self.signature = servable, servable.signature
        for told in self._told:
            if not told.done():
                told.set_result(None)
        for number in list(self._waiting):
            waiting = self._take(number)
            if waiting is not None:
                waiting.cancel = servable.submit(waiting.request, waiting.reply)

    def fail(self, error: HeadraceError, *, for_good: bool) -> None:
        """It could not be loaded: what waits is told so, and with `for_good` what still comes too."""
        self._refusal = error if for_good else None
        for told in self._told:
            if not told.done():
                told.set_exception(error)
        for number in list(self._waiting):
            if waiting := self._take(number):
                waiting.reply(error)

    async def drain(self) -> None:
        """What waits goes on waiting for what takes its place."""

    async def close(self) -> None:
        if self._next is None:
            self.fail(ModelUnavailable(f"model {self.version} was unloaded"), for_good=True)

    def _check(self) -> None:
        """Raises why nobody may wait."""
        if self._refusal is not None:
            raise self._refusal
        if not self._limits.seconds:
            self._wake(self)
            raise self._unavailable(f"model {self.version} is being loaded; ask again")

    def _admit(self, waiting: "_Waiting") -> None:
        """Raises why it may not wait."""
        self._check()
        limits = self._limits
        full = len(self._waiting) >= limits.requests
        if full or self._num_bytes + waiting.num_bytes > limits.num_bytes:
            what = f"{limits.requests} requests" if full else f"{limits.num_bytes} bytes"
            raise QueueFull(f"{what} wait for model {self.version} to be loaded", retry_after_s=self._load_s or SOON_S)

    def _take(self, number: int) -> "_Waiting | None":
        waiting = self._waiting.pop(number, None)
        if waiting is not None:
            self._num_bytes -= waiting.num_bytes
            if waiting.timer:
                waiting.timer.cancel()
        return waiting

    def _late(self, number: int, by_deadline: bool) -> None:
        waiting = self._take(number)
        if waiting is None:
            return
        if by_deadline:
            waiting.reply(DeadlineExceeded(f"the deadline passed while model {self.version} was being loaded"))
        else:
            waiting.reply(self._too_long())

    def _too_long(self) -> ModelUnavailable:
        seconds = f"{self._limits.seconds:g} s (models.lazy_wait_s)"
        return self._unavailable(f"{seconds} passed while model {self.version} was being loaded")

    def _unavailable(self, why: str) -> ModelUnavailable:
        return ModelUnavailable(why, retry_after_s=self._load_s or SOON_S)

    def _cancel(self, number: int, waiting: "_Waiting") -> None:
        self._take(number)
        waiting.cancel()


class _Waiting:
    """A request, and how to take it back from whoever answers it."""

    __slots__ = ("cancel", "num_bytes", "reply", "request", "timer")

    def __init__(self, request: Request, reply: Callable[[Response | HeadraceError], None]) -> None:
        self.request = request
        self.reply = reply
        self.num_bytes = sum(len(tensor.data) for tensor in request.inputs)
        self.timer: Timer | None = None
        self.cancel: Cancel = _nothing


def _nothing() -> None:
    """The cancel of a request that is answered, or nowhere yet."""
