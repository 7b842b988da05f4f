"""The server's side of a language model: a Servable whose engine lives in a child process that may die."""

import asyncio
import logging
from collections.abc import Callable
from itertools import islice

import msgspec

from headrace.clock import Clock
from headrace.devices.gives_way import GivesWay, at_once
from headrace.errors import (
    DeadlineExceeded,
    HeadraceError,
    InvalidRequest,
    ModelUnavailable,
    QueueFull,
    Unavailable,
    WorkerLost,
    WouldBeLate,
    error_of,
)
from headrace.generation import Ask, Embed, Generate, Generated, LanguageFacts, Result, Score, Tokenize
from headrace.llm.engine_protocol import EngineLoading, Fault
from headrace.llm.terms import terms_of
from headrace.llm.text_tensors import TextRequest, language_signature
from headrace.records import CancelRecord, Recorder, ShedRecord, StepRecord, WorkRecord
from headrace.servable import Cancel, Reply
from headrace.types import Backlog, Request, Response, Tensor
from headrace.work import Works
from headrace.workers import engine_wire as wire
from headrace.workers.birth import Births
from headrace.workers.engine_call import Call, resumed
from headrace.workers.generation_story import Story
from headrace.workers.imports import IMPORTS, RUNS_STEPS
from headrace.workers.kept_process import Keeping, KeptProcess
from headrace.workers.process import Program
from headrace.workers.resumption import Resumption, Suspects
from headrace.workers.run_limit import RunLimit
from headrace.workers.step_shares import StepShares
from headrace.workers.turnover import Turnover

log = logging.getLogger(__name__)

STEPS = Program(RUNS_STEPS, wire.channel, wire.FrameLink)
"""Runs step after step of a language model."""

FOLLOW = 0.05  # how quickly the mean time of a token follows

TASKS: dict[type[Ask], str] = {Generate: "generate", Embed: "embed", Score: "score"}
"""What a model has to be made for; every model has a tokenizer."""


class Limits(msgspec.Struct, frozen=True):
    """How long the worker may take, and how much may wait for it."""

    load_timeout_s: float
    run_limit_s: float  # of a step; 0: it is learnt
    max_queue: int  # requests beside those that run
    max_queue_bytes: int


class RemoteEngine:
    """Answers requests for one language model; owns its process and every request until it is answered.

    All methods are called on the event loop. When the process dies, the next one goes on where it was: a stream behind
    its last token that was told, anything else from its beginning. What workers die of is given up (see `Suspects`).
    """

    def __init__(
        self,
        loading: EngineLoading,
        limits: Limits,
        births: Births,
        record: Recorder,
        clock: Clock,
        works: Works | None = None,
    ) -> None:
        works = works or Works(record, clock)
        self._shares = StepShares(works.device)
        self._version = loading.manifest.id
        self._objective = loading.manifest.objective
        self._limits = limits
        self._record = record
        self._clock = clock
        self._loading = loading
        self._limit = RunLimit(limits.run_limit_s, limits.load_timeout_s)
        path = loading.manifest.path
        imports = IMPORTS.get(loading.manifest.runtime, ())
        keeping = Keeping(self._version, STEPS, loading.threads, limits.load_timeout_s, imports=imports, path=path)
        self._process: KeptProcess[LanguageFacts] = KeptProcess(keeping, self, births, record, clock, works)
        self._calls: dict[int, Call] = {}  # by number, in the order in which they came
        self._num_bytes = 0  # of all calls, encoded
        self._last_number = 0
        self._running = 0  # requests, when the last step ended
        self._token_ns = 0.0  # of steps' time, for a token generated
        self._turnover = Turnover()
        self._unsent: dict[int, Call] = {}
        self._suspects = Suspects()
        self._aborted: list[int] = []
        self._asked = False  # what is new is sent at the end of this round
        self._refusal: HeadraceError | None = None  # once it takes nothing new
        self._idle: asyncio.Event | None = None  # once somebody waits for the last answer
        self._learn(LanguageFacts("", (), 0, 0, 0, "", False))

    async def start(self, gives_way: GivesWay = at_once) -> None:
        """Start the process and load the model. Raises ModelInvalid, ModelUnavailable or WorkerLost with the reason."""
        await self._process.start(gives_way)

    @property
    def pid(self) -> int | None:
        return self._process.pid

    # ---- what callers see

    def submit(self, request: Request, reply: Reply) -> Cancel:
        try:
            call = self._admit(request, reply)
        except HeadraceError as error:
            self._note_shed(error, request.context.tenant)
            reply(error)
            return _nothing
        self._turnover.came(self._clock.now_ns(), len(self._calls))
        self._calls[call.number] = self._unsent[call.number] = call
        self._num_bytes += len(call.add)
        if len(self._calls) == 1 and self._process.ready:
            self._process.watch(self._limit.seconds(), self._clock.now_ns())
        self._ask()
        return lambda: self._cancel(call)

    def backlog(self) -> Backlog:
        running = min(self._running, len(self._calls))
        return Backlog(len(self._calls) - running, running)

    async def drain(self) -> None:
        self._refusal = self._refusal or ModelUnavailable(f"model {self._version} is being unloaded")
        if self._calls:
            self._idle = self._idle or asyncio.Event()
            await self._idle.wait()

    async def close(self) -> None:
        self._refusal = closed = ModelUnavailable(f"model {self._version} was unloaded")
        for call in list(self._calls.values()):
            self._answer(call, closed)
        await self._process.close()
        self._shares.rest(self._clock.now_ns())

    # ---- in

    def _admit(self, request: Request, reply: Reply) -> Call:
        """Raises what keeps the request out."""
        if self._refusal:
            raise self._refusal
        ask, outputs = self._question(request)
        terms = terms_of(request.context, self._objective)
        deadline_ns = terms.deadline_ns
        if deadline_ns is not None and deadline_ns <= self._clock.now_ns():
            limit_ms = (deadline_ns - request.context.arrived_ns) / 1e6
            raise DeadlineExceeded("the time given had passed on arrival", deadline_ms=limit_ms)
        self._refuse_if_full()
        self._last_number += 1
        add = _encoded(wire.Add(self._last_number, ask, terms))
        if self._num_bytes and self._num_bytes + len(add) > self._limits.max_queue_bytes:
            raise QueueFull(
                f"requests for {self._version} hold {self._num_bytes} bytes, the limit",
                retry_after_s=self._turnover.next_s,
            )
        call = Call(self._last_number, add, terms, reply, outputs)
        if isinstance(ask, Generate):
            call.story = Story(ask, self._clock.now_ns(), request.id, request.context.trace, terms)
            if ask.stream:
                call.resumption = Resumption(ask.n)
        if deadline_ns is not None:
            call.timer = self._clock.call_at(deadline_ns, lambda: self._late(call))
        return call

    def _question(self, request: Request) -> tuple[Ask, Callable[[Result], tuple[Tensor, ...]]]:
        """What is asked, and which tensors each answer has."""
        if request.ask is None:
            text = TextRequest(request, self.signature)
            return text.ask, text.outputs
        task = TASKS.get(type(request.ask))
        facts = self.signature.language
        if task and facts and task not in facts.tasks:
            offered = ", ".join(facts.tasks) or "nothing"
            raise InvalidRequest(f"model {self._version} was not made to {task}; it can: {offered}", "model")
        return request.ask, _no_tensors

    def _refuse_if_full(self) -> None:
        if not self._process.ready and self._process.failure:
            raise self._failing()
        waiting = self.backlog().queued
        if waiting >= self._limits.max_queue:
            raise QueueFull(
                f"{waiting} requests wait for {self._version}, the limit", retry_after_s=self._turnover.next_s
            )

    def _cancel(self, call: Call) -> None:
        """The caller went away: out of the engine before its next step."""
        if self._calls.get(call.number) is call:
            self._record(CancelRecord(self._version, *self._saved_by(call)))
            self._abort(call)
            self._forget(call)

    def _late(self, call: Call) -> None:
        self._abort(call)
        limit_ms = ((call.terms.deadline_ns or 0) - (call.terms.arrived_ns or 0)) / 1e6
        error = DeadlineExceeded("the time given passed before the answer was complete", deadline_ms=limit_ms)
        self._note_shed(error, call.terms.tenant)
        self._answer(call, error)

    def _saved_by(self, call: Call) -> tuple[str, int]:
        """Where a call is that its caller leaves, and the time that as many tokens as it may have would take."""
        running = call.answered or call.number in islice(self._calls, self._running)
        left = call.story.num_tokens_left if call.story else 0
        return "running" if running else "queued", int(left * self._token_ns)

    def _note_shed(self, error: HeadraceError, tenant: str) -> None:
        """Record what was refused, or given up, so that others are in time."""
        if isinstance(error, WouldBeLate | DeadlineExceeded):
            reason = "late"
            if isinstance(error, WouldBeLate):
                reason = "impossible" if error.retry_after_s is None else "predicted"
            self._record(
                ShedRecord(self._version, tenant, reason, _in_ns(error.predicted_ms), _in_ns(error.deadline_ms))
            )
        elif isinstance(error, QueueFull):
            self._record(ShedRecord(self._version, tenant, "queue"))

    def _abort(self, call: Call) -> None:
        if self._unsent.pop(call.number, None) is None and self._process.ready:
            self._aborted.append(call.number)
            self._ask()

    def _ask(self) -> None:
        """Tell the worker once every socket of this round has been read."""
        if not self._asked:
            self._asked = True
            self._clock.call_soon(self._send)

    def _send(self) -> None:
        self._asked = False
        if not self._process.ready or not (self._unsent or self._aborted):
            return
        going = self._suspects.sendable(list(self._unsent))
        if not (going or self._aborted):
            return
        added = [msgspec.Raw(resumed(self._unsent[number])) for number in going]
        message = wire.encode(wire.AskedRaw(added, self._aborted))
        self._suspects.sent(going)
        for number in going:
            self._unsent.pop(number).sent = True
        self._aborted = []
        self._shares.begin(self._clock.now_ns())
        self._process.send(message)

    # ---- out

    def heard(self, message: memoryview) -> None:
        """One message of the worker's."""
        answer = wire.decode_answer(message)
        if isinstance(answer, wire.Stepped):
            if answer.answers:
                self._process.served()
            if answer.facts.seconds:
                self._limit.learn(answer.facts.seconds)
            self._process.watch(self._limit.seconds(), self._clock.now_ns())
            self._stepped(answer)
            if not self._calls:
                self._process.rest()
                self._shares.rest(self._clock.now_ns())
        elif isinstance(answer, wire.Loaded):
            self._learn(answer.facts)
            self._process.loaded(answer.facts)
        else:
            fault = answer.fault
            self._process.load_failed(error_of(fault.code, fault.message, fault.where))

    def _stepped(self, step: wire.Stepped) -> None:
        facts = step.facts
        self._running = facts.running
        if facts.generated_tokens:
            self._token_ns += FOLLOW * (facts.seconds * 1e9 / facts.generated_tokens - self._token_ns)
        told, now_ns = [each.number for each in step.answers], self._clock.now_ns()
        device_ns, shares = self._shares.step(facts.computed, told, self._calls, now_ns)
        for answered in step.answers:
            call = self._calls.get(answered.number)
            if call is None:
                continue  # the caller went away meanwhile
            fault, result = answered.fault, answered.result
            if fault is not None:
                call.story = None  # it was refused, or the engine could not go on
                error = _error_of(fault)
                self._note_shed(error, call.terms.tenant)
                self._answer(call, error)
            elif result is not None:
                if call.story and isinstance(result, Generated):
                    call.story.hear(result, self._clock.now_ns())
                    if call.resumption:
                        result = call.resumption.hear(result)
                outputs, spent_ns = call.outputs(result), call.device_ns if answered.final else 0
                response = Response(self._version, outputs, None, answered.final, {}, result, device_ns=spent_ns)
                self._answer(call, response)
        if (facts.seconds or told) and self._suspects.stepped(told):
            self._ask()
        self._record(StepRecord(self._version, step.facts, device_ns, shares))

    def _answer(self, call: Call, answer: Response | HeadraceError) -> None:
        """The one place where a request is answered; a reply that raises stops nobody else's."""
        if self._calls.get(call.number) is not call:
            return
        if isinstance(answer, HeadraceError) or answer.final:
            self._forget(call, "error" if isinstance(answer, WorkerLost) else "abort")
        call.answered = True
        try:
            call.reply(answer)
        except Exception:
            log.exception("an answer of %s could not be delivered", self._version)

    def _forget(self, call: Call, unfinished: str = "abort") -> None:
        del self._calls[call.number]
        self._turnover.left(self._clock.now_ns())
        self._num_bytes -= len(call.add)
        self._unsent.pop(call.number, None)
        self._shares.left(call.number, call.terms.tenant)
        if call.timer:
            call.timer.cancel()
        if self._suspects.forget(call.number):
            self._ask()
        if call.story and call.sent:
            self._record(call.story.record(self._version, self._clock.now_ns(), unfinished))
        if self._idle and not self._calls:
            self._idle.set()

    # ---- what goes wrong

    def load(self) -> bytes:
        return wire.encode(wire.Load(self._loading))

    def lost(self, why: str) -> None:
        """The worker is gone, and with it all that it had computed."""
        device_ns, shares = self._shares.lost(self._calls, self._clock.now_ns())
        if device_ns:
            self._record(WorkRecord(self._version, device_ns, shares))
        self._running = 0
        self._aborted = []
        error = WorkerLost(f"the worker that ran the request {why}", retry_after_s=1)
        by_itself = len(self._calls) == len(self._unsent) + 1
        self._unsent = dict(self._calls)
        for number in self._suspects.died(self._process.overran, by_itself):
            self._answer(self._calls[number], error)

    def back(self) -> None:
        """The next worker is ready: it gets what was not answered."""
        if self._calls:
            self._process.watch(self._limit.seconds(), self._clock.now_ns())
        self._send()

    def gave_up(self) -> None:
        """Workers die or do not start, again and again: who waits is told what newcomers are."""
        for call in list(self._calls.values()):
            self._answer(call, self._failing())

    def _failing(self) -> HeadraceError:
        return ModelUnavailable(f"model {self._version}: {self._process.failure}", retry_after_s=1)

    def _learn(self, facts: LanguageFacts) -> None:
        self.signature = language_signature(msgspec.structs.replace(facts, max_requests=self._limits.max_queue))


def _error_of(fault: Fault) -> HeadraceError:
    """The error that the engine told of, with what it told of time."""
    error = error_of(fault.code, fault.message, fault.where)
    if isinstance(error, Unavailable):
        error.retry_after_s = fault.retry_after_s
    if isinstance(error, WouldBeLate | DeadlineExceeded):
        error.predicted_ms, error.deadline_ms = fault.predicted_ms, fault.deadline_ms
    return error


def _in_ns(milliseconds: float | None) -> int | None:
    return None if milliseconds is None else int(milliseconds * 1e6)


def _encoded(add: wire.Add) -> bytes:
    """Raises InvalidRequest where the request holds what no message can."""
    try:
        return wire.encode(add)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        ask = add.ask
        where = ask.prompt.where if isinstance(ask, Generate | Tokenize) else ""
        raise InvalidRequest(f"holds a value that cannot be passed on: {error}", where) from None


def _no_tensors(result: Result) -> tuple[Tensor, ...]:
    return ()


def _nothing() -> None:
    """The cancel of a request that is already answered."""
