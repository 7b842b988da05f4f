"""Every inference passes here once: routed to a version, held to its tenant's rate, counted, recorded."""

import asyncio
import logging
from collections.abc import Callable, Mapping

from headrace.clock import Clock
from headrace.errors import Cancelled, Draining, HeadraceError, Internal, RateLimited
from headrace.gateway.allowed import check_allowed
from headrace.gateway.bundles import Asked
from headrace.gateway.rates import Rates
from headrace.gateway.tracestate import tracestate_of
from headrace.generation import Embedded
from headrace.models.registry import Registry, Served
from headrace.records import Recorder, RequestRecord, SampleRecord, ShedRecord
from headrace.servable import APART, Cancel, Reply, Together, foresee, together
from headrace.tenants import Tenant
from headrace.traffic.watch import Follow, Tap
from headrace.types import Bundle, Context, ModelRef, ModelVersion, Request, Response, Tensor

log = logging.getLogger(__name__)

Wanted = Callable[[Request, Response], bool]
"""Whether somebody wants to look into what this request holds and what it was answered; asked once a request."""

Passes = Callable[[str, int], bool]
"""Whether nobody wants to look into any of a model's next requests, of which so many came; asked before `Wanted`, which
is not asked of them then."""

REFUSING_NS = 1_000_000_000
"""Since the last refusal: so long it is worth asking of the next request whether it has to be read."""

MAX_NAME = 256
"""Characters of a model's name in a record: of a model that there is not, a client may have said a book."""


def _nothing() -> None:
    """The cancel of a request that is already answered."""


class Gateway:
    """Hands requests to the versions that are ready, and records each once it is answered."""

    def __init__(
        self,
        registry: Registry,
        record: Recorder,
        clock: Clock,
        tenants: Mapping[str, Tenant] | None = None,
        taps: Mapping[str, Follow] | None = None,
        wanted: Wanted | None = None,
        tap: Tap | None = None,
        passes: Passes = lambda model, requests: False,
    ) -> None:
        """`taps` see how requests of a model are answered, those of some models, `tap` how every language model's are;
        what is `wanted` is recorded whole, but for requests that came at once and that `passes` passes over."""
        self._tap = tap
        self.in_flight = 0  # requests
        self.draining = False  # takes nothing new
        self.admitting = False  # what is submitted now was here before that
        self._drain_ns = 0  # when it began to
        self._over: HeadraceError | None = None  # of everything, once what ran was broken off
        self._under_way: set[_Call | _Bundled] = set()
        self._refusal: HeadraceError | None = None  # of what is new, while there is no memory for it
        self._refused_ns = -REFUSING_NS  # the last time
        self._registry = registry
        self._record = record
        self.now_ns = clock.now_ns
        self._rates = Rates(tenants or {})
        self._taps = {} if taps is None else taps
        self._wanted = wanted
        self._passes = passes
        self._idle: asyncio.Event | None = None  # once somebody waits for the last answer

    def submit(self, request: Request, reply: Reply) -> Cancel:
        """As `Servable.submit`: answers and errors go to `reply`, perhaps before this returns."""
        submitted_ns, context = self.now_ns(), request.context
        asked: ModelRef | ModelVersion = request.model
        try:
            if self._over is not None:
                raise self._over
            if self.draining and not (self.admitting or self._was_here(context)):
                raise Draining("the server is shutting down and takes no new requests", retry_after_s=1)
            if self._refusal is not None:
                raise self._refusal
            served = self._registry.route(request.model, context)
            asked = served.version
            if context.variant or context.min_accuracy:
                check_allowed(context, asked, served.manifest.variants)
            if self._rates.any:
                self._limit(request, asked, submitted_ns)
        except HeadraceError as error:
            self._record_refusal(request, asked, submitted_ns, error)
            reply(error)
            return _nothing
        left = _nothing
        if self._taps and (follow := self._taps.get(asked.name)):
            reply, left = follow(request, served.version, reply)
        if request.ask is not None and self._tap is not None:
            reply = self._tap(request, served.version, reply)
        call = _Call(self, request, served, reply, submitted_ns, left)
        self._under_way.add(call)
        self.in_flight += 1
        try:
            withdraw = served.servable.submit(request, call.answered)
        except Exception:
            log.exception("%s failed on a request", served.version)
            call.answered(Internal("the server failed on this request; its log says why"))
            return _nothing
        if not call.done:
            call.withdraw = withdraw
            call.admitted_ns = self.now_ns()
        return call.cancel

    def together(self, model: ModelRef) -> Together:
        """How requests of a model may be asked as one now."""
        if self.draining or self._refusal is not None or self._rates.any or model.name in self._taps:
            return APART
        served = self._registry.certain(model)
        return together(served.servable) if served else APART

    def submit_together(self, request: Request, bundle: Bundle, reply: Reply) -> None:
        """As `submit`, for requests of one kind that came at once (`Request.bundle`): `reply` gets one answer for all.

        After an error none of them is answered, nor is anything recorded: each is to be asked for itself.
        """
        submitted_ns = self.now_ns()
        try:
            served = self._registry.route(request.model, request.context)
        except HeadraceError as error:
            reply(error)
            return
        asked = Asked(request, bundle, served, reply, submitted_ns)
        self.in_flight += len(bundle.ids)
        call = _Bundled(self, asked)
        self._under_way.add(call)
        try:
            served.servable.submit(request, call.answered)
        except Exception:
            log.exception("%s failed on requests that came at once", served.version)
            call.answered(Internal("the server failed on this request; its log says why"))
        call.admitted_ns = self.now_ns()

    def finished_together(self, call: "_Bundled", asked: Asked, answer: Response | HeadraceError) -> None:
        """Hand their answer on, and record them."""
        self._under_way.discard(call)
        finished_ns = self.now_ns()
        if isinstance(answer, Response) and not asked.fits(answer):
            answer = Internal(f"the outputs of {answer.model} are not as many rows as its inputs")
        try:
            asked.reply(answer)
        finally:
            self.in_flight -= len(asked.bundle.ids) - 1
            self.left()
            if isinstance(answer, Response):
                for record in asked.records(answer, call.admitted_ns, finished_ns, self.now_ns()):
                    self._record(record)
                self._look_into(asked, answer, finished_ns)

    def _look_into(self, asked: Asked, answer: Response, finished_ns: int) -> None:
        """Record those whole that somebody wants to look into."""
        if self._wanted is None or self._passes(asked.served.version.name, len(asked.bundle.ids)):
            return
        for request, response in asked.one_by_one(answer):
            if self._wanted(request, response):
                self._record(_sample(request, response, finished_ns))

    def expect(self) -> "_Expected":
        """Count a request that is here and yet to be read: a drain waits until it was entered and left."""
        return _Expected(self)

    def refuses(self, now_ns: int) -> bool:
        """Whether requests were refused or failed of late: then the next may be refused unread (`foresee`)."""
        return now_ns - self._refused_ns < REFUSING_NS

    def foresee(self, model: ModelRef, context: Context, request_id: str) -> HeadraceError | None:
        """Why a request that is yet to be read will not be let in, which is recorded; None where it must be read."""
        served = self._registry.certain(model)
        refused = foresee(served.servable, context) if served else None
        if served is not None and refused is not None:
            unread = Request(request_id, model, (), context=context)
            self._record_refusal(unread, served.version, self.now_ns(), refused)
        return refused

    def unread(self, request_id: str, model: ModelRef, context: Context, error: HeadraceError) -> None:
        """Record a request that could not be read, and was refused for that."""
        served = self._registry.certain(model)
        asked = served.version if served else model
        self._record_refusal(Request(request_id, model, (), context=context), asked, self.now_ns(), error)

    def refuse(self, refusal: HeadraceError | None) -> None:
        """From now on what is new is refused with this, or with None taken again."""
        self._refusal = refusal

    async def drain(self) -> None:
        """Refuse what is new and wait for what runs."""
        self.draining, self._drain_ns = True, self.now_ns()
        if self.in_flight:
            self._idle = self._idle or asyncio.Event()
            await self._idle.wait()

    def break_off(self, error: HeadraceError) -> None:
        """Answer what still runs with this error, and from now on everything, also what was here before a drain."""
        self._over = error
        for call in tuple(self._under_way):
            call.break_off(error)

    def _was_here(self, context: Context) -> bool:
        """Before the drain began, which waits for others yet."""
        return context.arrived_ns < self._drain_ns and self.in_flight > 0

    def left(self) -> None:
        """One of those in flight is no more."""
        self.in_flight -= 1
        if self._idle and not self.in_flight:
            self._idle.set()

    def finished(self, call: "_Call", answer: Response | HeadraceError, finished_ns: int) -> None:
        """Record a request that has its last answer, which was there at `finished_ns` and is written by now."""
        self._under_way.discard(call)
        self.left()
        request, version = call.request, call.served.version
        context = request.context
        embedded_tokens = None
        if isinstance(answer, HeadraceError):
            batch, cache, code, rows = None, None, answer.code, call.rows()
            self._refused_ns = finished_ns
        else:
            batch, cache, code, rows = answer.batch, answer.cache, "", answer.rows or call.rows()
            if isinstance(answer.result, Embedded):
                embedded_tokens = answer.result.prompt_tokens
        self._record(
            RequestRecord(
                request.id,
                version.name,
                version.version,
                context.protocol,
                rows,
                context.arrived_ns,
                call.submitted_ns,
                finished_ns,
                batch,
                code,
                context.trace,
                context.tenant,
                cache,
                self.now_ns(),
                call.admitted_ns,
                request.also,
                embedded_tokens,
                tracestate_of(context),
            )
        )
        if self._wanted is not None and isinstance(answer, Response) and self._wanted(request, answer):
            self._record(_sample(request, answer, finished_ns))

    def _limit(self, request: Request, version: ModelVersion, now_ns: int) -> None:
        """Raises RateLimited where the tenant has had what it may."""
        tenant = request.context.tenant
        try:
            self._rates.take(tenant, now_ns)
        except RateLimited:
            self._record(ShedRecord(version, tenant, "rate"))
            raise

    def _record_refusal(
        self, request: Request, model: ModelRef | ModelVersion, submitted_ns: int, error: HeadraceError
    ) -> None:
        context, self._refused_ns = request.context, self.now_ns()
        times = context.arrived_ns, submitted_ns, self._refused_ns
        self._record(
            RequestRecord(
                request.id,
                model.name[:MAX_NAME],
                model.version,
                context.protocol,
                0,
                *times,
                None,
                error.code,
                context.trace,
                context.tenant,
                also=request.also,
                tracestate=tracestate_of(context),
            )
        )


class _Bundled:
    """Requests that are asked as one, from there to the version that answers them."""

    __slots__ = ("_asked", "_gateway", "admitted_ns")

    def __init__(self, gateway: Gateway, asked: Asked) -> None:
        self._asked: Asked | None = asked
        self._gateway = gateway
        self.admitted_ns = 0

    def answered(self, answer: Response | HeadraceError) -> None:
        asked, self._asked = self._asked, None
        if asked is not None:
            self._gateway.finished_together(self, asked, answer)

    def break_off(self, error: HeadraceError) -> None:
        """Those who asked are answered for themselves, which is this error too."""
        self.answered(error)


class _Expected:
    """A request that is here and yet to be read: within this it is let in, and at its end no longer counted."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        gateway.in_flight += 1

    def __enter__(self) -> None:
        self._gateway.admitting = True

    def __exit__(self, *raised: object) -> None:
        self._gateway.admitting = False
        self._gateway.left()


class _Call:
    """One request between the front end and the version that answers it.

    It and what answers know each other until the last answer; then it lets go, so that nothing waits for the
    garbage collector, least of all a request's tensors.
    """

    __slots__ = ("_gateway", "_left", "_reply", "admitted_ns", "done", "request", "served", "submitted_ns", "withdraw")

    def __init__(
        self, gateway: Gateway, request: Request, served: Served, reply: Reply, submitted_ns: int, left: Cancel
    ) -> None:
        self._gateway = gateway
        self._left = left  # told where the caller goes away
        self._reply = reply
        self.admitted_ns = 0
        self.done = False
        self.request = request
        self.served = served
        self.submitted_ns = submitted_ns
        self.withdraw: Cancel = _nothing

    def answered(self, answer: Response | HeadraceError) -> None:
        if self.done:
            return
        if not (isinstance(answer, HeadraceError) or answer.final):
            self._reply(answer)
            return
        self.done = True
        self.withdraw = self._left = _nothing
        finished_ns = self._gateway.now_ns()
        try:
            self._reply(answer)  # first: whoever waits does not wait for books to be kept
        finally:
            self._gateway.finished(self, answer, finished_ns)

    def break_off(self, error: HeadraceError) -> None:
        """Answer with this error, and have no more done for it."""
        withdraw = self.withdraw
        self.answered(error)
        withdraw()

    def cancel(self) -> None:
        if not self.done:
            self.done = True
            withdraw, self.withdraw = self.withdraw, _nothing
            left, self._left = self._left, _nothing
            withdraw()
            left()
            self._gateway.finished(self, Cancelled("the caller went away"), self._gateway.now_ns())

    def rows(self) -> int:
        """As the request says."""
        inputs = self.request.inputs
        if self.served.signature.batch.batched and inputs and inputs[0].shape:
            return inputs[0].shape[0]
        return 1


def _sample(request: Request, answer: Response, finished_ns: int) -> SampleRecord:
    inputs, outputs = tuple(map(_copied, request.inputs)), tuple(map(_copied, answer.outputs))
    return SampleRecord(answer.model, request.id, request.context.tenant, inputs, outputs, finished_ns, answer.batch)


def _copied(tensor: Tensor) -> Tensor:
    """The tensor in memory of its own: where it lies now belongs to a connection, a client or a worker."""
    return Tensor(tensor.name, tensor.datatype, tensor.shape, bytes(tensor.data))
