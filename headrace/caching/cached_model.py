"""The Servable of a model with a response cache: equal requests cost one run, whenever they come.

Those that come while an equal one is computed wait for its answer. If that one fails, another takes its place, so that
no request is refused for what another asked; the caller of one leaves, and it is computed on for the others.
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from headrace.caching.fingerprint import Fingerprint, fingerprint
from headrace.caching.flight import Flight, Waiter
from headrace.caching.may_answer import may_answer
from headrace.caching.response_cache import ResponseCache
from headrace.clock import Clock
from headrace.errors import DeadlineExceeded, HeadraceError, InvalidRequest, ModelUnavailable, QueueFull
from headrace.records import CancelRecord, Recorder, ShedRecord
from headrace.servable import Cancel, Reply, Servable, Whole, wholeness
from headrace.types import Backlog, CacheFacts, ModelVersion, Objective, Request, Response, Signature, Variant


class MayWait(NamedTuple):
    """What may wait for the answers of others, and how long."""

    max_waiting: int  # requests
    max_waiting_bytes: int  # of their inputs
    objective: Objective = Objective()  # where a request says nothing tighter


class CachedModel:
    """Answers for another Servable, which answers each request once; owns every request until it is answered.

    All methods are called on the event loop. An answer is kept if it is no error.
    """

    def __init__(
        self,
        servable: Servable,
        version: ModelVersion,
        cache: ResponseCache,
        limits: MayWait,
        record: Recorder,
        clock: Clock,
        variants: Sequence[Variant] = (),
    ) -> None:
        self._servable = servable
        self._version = version
        self._cache = cache
        self._limits = limits
        self._record = record
        self._clock = clock
        self._variants = variants
        self._flights: dict[bytes, Flight] = {}
        self._followers = 0  # that wait for the answers of others
        self._follower_bytes = 0
        self._refusal: HeadraceError | None = None  # once it takes nothing new
        self._idle: asyncio.Event | None = None  # once somebody waits for the last answer

    @property
    def signature(self) -> Signature:
        return self._servable.signature

    # ---- what callers see

    def submit(self, request: Request, reply: Reply) -> Cancel:
        if self._refusal:
            reply(self._refusal)
            return _nothing
        now_ns = self._clock.now_ns()
        due_ns = self._limits.objective.due_ns(request.context.arrived_ns, request.context.deadline_ns)
        if request.ask is not None or (due_ns is not None and due_ns <= now_ns):
            return self._servable.submit(request, reply)  # which knows how to refuse it
        key, kept = self._look_up(request, now_ns)
        if kept is not None:
            reply(_found(kept, self._clock.now_ns() - now_ns))
            return _nothing
        waiter = Waiter(request, reply, now_ns, due_ns)
        waiter.spent_ns = self._clock.now_ns() - now_ns
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = Flight(key)
        elif not flight.outruns(waiter):
            if refusal := self._no_room(waiter):
                reply(refusal)
                return _nothing
            self._follow(flight, waiter)
            return lambda: self._cancel(flight, waiter)
        flight.waiting[waiter] = None
        self._compute(flight, waiter)
        return lambda: self._cancel(flight, waiter)

    @property
    def whole(self) -> Whole | None:
        """As what it answers for."""
        return wholeness(self._servable)

    def backlog(self) -> Backlog:
        inner = self._servable.backlog()
        return Backlog(inner.queued + self._followers, inner.running)

    async def drain(self) -> None:
        """What waits may still take another's place, so the model itself is drained last."""
        self._refusal = self._refusal or ModelUnavailable(f"model {self._version} is being unloaded")
        if self._flights:
            self._idle = self._idle or asyncio.Event()
            await self._idle.wait()
        await self._servable.drain()

    async def close(self) -> None:
        self._refusal = ModelUnavailable(f"model {self._version} was unloaded")
        await self._servable.close()  # it answers what it has, and refuses whoever takes its place
        self._cache.clear()

    # ---- in

    def _look_up(self, request: Request, now_ns: int) -> tuple[Fingerprint, Response | None]:
        """What goes for equal requests that the same variants may answer, and what one of them was answered.

        Or one that all variants may answer, where that which did may answer this one.
        """
        outputs = [spec.name for spec in self.signature.outputs]
        content, names = fingerprint(request, outputs), may_answer(request.context, self._variants)
        if names is None:
            return content, self._cache.get(content, now_ns)
        key = content + ",".join(names).encode()
        if (kept := self._cache.get(key, now_ns)) is not None:
            return key, kept
        kept = self._cache.get(content, now_ns)
        return key, kept if kept is not None and kept.cache and kept.cache.variant in names else None

    def _no_room(self, waiter: Waiter) -> QueueFull | None:
        """Why one more cannot wait: what waits here is not in the model's own queue."""
        limits, what = self._limits, f"for answers of {self._version} that are being computed"
        if self._followers >= limits.max_waiting:
            reason, message = "queue", f"{self._followers} requests wait {what}, the limit"
        elif self._followers and self._follower_bytes + waiter.num_bytes > limits.max_waiting_bytes:
            reason, message = "memory", f"requests that wait {what} hold {self._follower_bytes} bytes, the limit"
        else:
            return None
        self._shed(waiter, reason)
        return QueueFull(message, "", 1)

    def _follow(self, flight: Flight, waiter: Waiter) -> None:
        """Wait for the answer of another, until the deadline."""
        flight.waiting[waiter] = None
        waiter.follows = True
        self._followers += 1
        self._follower_bytes += waiter.num_bytes
        if waiter.due_ns is not None:
            waiter.timer = self._clock.call_at(waiter.due_ns, lambda: self._late(flight, waiter))

    def _compute(self, flight: Flight, waiter: Waiter) -> None:
        flight.computing[waiter] = None
        withdraw = self._servable.submit(waiter.request, lambda answer: self._computed(flight, waiter, answer))
        if waiter in flight.computing:
            waiter.withdraw = withdraw

    def _go_on(self, flight: Flight) -> None:
        """Somebody is computed for as long as anybody waits; a loop, for each may be refused at once."""
        if flight.starting or flight.ended:
            return
        flight.starting = True
        while flight.waiting and not flight.computing:
            waiter = flight.most_urgent()
            self._followed(waiter)
            self._compute(flight, waiter)
        flight.starting = False
        if not flight.waiting:
            self._end(flight)

    # ---- out

    def _computed(self, flight: Flight, waiter: Waiter, answer: Response | HeadraceError) -> None:
        if flight.ended:
            return
        waiter.withdraw = None
        del flight.computing[waiter]
        if not isinstance(answer, HeadraceError):
            self._answered(flight, waiter, answer)
        elif isinstance(answer, InvalidRequest):  # they are equal: it would be the same of each
            for each in self._end(flight):
                self._tell(each, answer)
        else:
            flight.waiting.pop(waiter, None)
            self._tell(waiter, answer)
            self._go_on(flight)

    def _answered(self, flight: Flight, computed: Waiter, response: Response) -> None:
        """Keep it, and answer all that wait. Its tensors are good until this returns."""
        now_ns = self._clock.now_ns()
        self._cache.put(flight.key, response, now_ns)
        kept_ns = self._clock.now_ns() - now_ns
        variant = response.batch.variant if response.batch else ""
        for each in self._end(flight):
            if each is computed:
                facts = CacheFacts(False, each.spent_ns + kept_ns)
                self._tell(each, msgspec.structs.replace(response, cache=facts))
            else:
                facts = CacheFacts(True, each.spent_ns, now_ns - each.came_ns, variant)
                self._tell(each, msgspec.structs.replace(response, batch=None, cache=facts, device_ns=0))

    def _tell(self, waiter: Waiter, answer: Response | HeadraceError) -> None:
        """The one place where a request ends that waited."""
        if waiter.done:
            return
        waiter.done = True
        self._followed(waiter)
        waiter.reply(answer)

    def _end(self, flight: Flight) -> list[Waiter]:
        """Nobody joins it any more, and nothing more is computed; returns those that waited."""
        if flight.ended:
            return []
        flight.ended = True
        del self._flights[flight.key]
        waiting, computing = list(flight.waiting), list(flight.computing)
        flight.waiting.clear()
        flight.computing.clear()
        for each in computing:
            if each.withdraw:
                each.withdraw()
                each.withdraw = None
        if self._idle and not self._flights:
            self._idle.set()
        return waiting

    def _cancel(self, flight: Flight, waiter: Waiter) -> None:
        """The caller went away."""
        if waiter.done:
            return
        waiter.done = True
        self._leave(flight, waiter)
        if not flight.ended:  # else the model tells of the last of them
            self._record(CancelRecord(self._version, "queued"))

    def _late(self, flight: Flight, waiter: Waiter) -> None:
        if waiter.done:
            return
        assert waiter.due_ns is not None
        waiter.done = True
        self._leave(flight, waiter)
        self._shed(waiter, "late")
        arrived_ns = waiter.request.context.arrived_ns
        deadline_ms = (waiter.due_ns - arrived_ns) / 1e6
        message = f"waited {deadline_ms:.1f} ms for the answer to an equal request, its deadline"
        waiter.reply(DeadlineExceeded(message, deadline_ms=deadline_ms))

    def _leave(self, flight: Flight, waiter: Waiter) -> None:
        """It waits no more; what is computed for it goes on while others wait."""
        flight.waiting.pop(waiter, None)
        self._followed(waiter)
        if not flight.waiting:
            self._end(flight)

    def _followed(self, waiter: Waiter) -> None:
        """It waits no more for the answer of another."""
        if waiter.follows:
            waiter.follows = False
            self._followers -= 1
            self._follower_bytes -= waiter.num_bytes
        if waiter.timer:
            waiter.timer.cancel()
            waiter.timer = None

    def _shed(self, waiter: Waiter, reason: str) -> None:
        context = waiter.request.context
        deadline_ns = None if waiter.due_ns is None else waiter.due_ns - context.arrived_ns
        self._record(ShedRecord(self._version, context.tenant, reason, None, deadline_ns))


def _found(kept: Response, spent_ns: int) -> Response:
    assert kept.cache is not None
    return msgspec.structs.replace(kept, cache=CacheFacts(True, spent_ns, variant=kept.cache.variant))


def _nothing() -> None:
    """The cancel of a request that is already answered."""
