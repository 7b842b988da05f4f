"""The Servable of a tensor model: requests wait in a queue, the policy closes batches, instances run them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import msgspec

from headrace.batching import collate
from headrace.batching.check import Check
from headrace.batching.closed import Closed
from headrace.batching.failing import all_failing, failing
from headrace.batching.gathering import Gathering
from headrace.batching.hand_over import hand_over
from headrace.batching.instance import Instance, Outcome
from headrace.batching.instance_turns import InstanceTurns
from headrace.batching.job import Job
from headrace.batching.policy import GivenUp, Policy, Refusal, Run, Wait
from headrace.batching.refusals import NotTaken, dropped, passed, refused
from headrace.batching.shares import shares_of
from headrace.batching.waiting import Waiting
from headrace.clock import Clock, Timer
from headrace.device_time import DeviceTime
from headrace.errors import HeadraceError, InputRefused, Internal, InvalidRequest, MemoryFull, ModelUnavailable
from headrace.records import BatchRecord, CancelRecord, Recorder, ShedRecord
from headrace.servable import APART, Cancel, Reply, Together
from headrace.types import (
    Backlog,
    BatchFacts,
    Context,
    ModelVersion,
    Objective,
    Request,
    Response,
    Signature,
)

log = logging.getLogger(__name__)

PROMISES_NOTHING = Objective()


class BatchedModel:
    """Answers requests for one version; owns its instances, its queue and every request until it is answered.

    All methods are called on the event loop. A batch that dies with its instance is run once more, and after a
    second death each of its requests alone; so is a batch that the model refuses: one bad row spoils no other answer.
    """

    def __init__(
        self,
        version: ModelVersion,
        signature: Signature,
        instances: Sequence[Instance],
        policy: Policy[Waiting],
        record: Recorder,
        clock: Clock,
        objective: Objective = PROMISES_NOTHING,
        variant: str = "",
    ) -> None:
        """`variant` is what answers say of who computed them, where the version has several."""
        self.signature = signature
        self._version = version
        self._variant = variant
        self._instances = instances
        self._policy = policy
        self._objective = objective
        self._record = record
        self._clock = clock
        self._check = Check(signature)
        self._queue = policy.queue
        self._gathering = Gathering()
        self._running = 0  # requests
        self._fruitful = False  # whether anything was answered since an instance last died
        self._turns = InstanceTurns(len(instances), DeviceTime())
        self._refusal: HeadraceError | None = None  # once it takes nothing new
        self._asked = False  # a look at the queue is on its way
        self._timer: Timer | None = None
        self._idle: asyncio.Event | None = None  # once somebody waits for the last answer
        self._on_close: list[Callable[[], Awaitable[None]]] = []
        for instance in instances:
            instance.on_change(self._look, self._learn, self._gave_up)

    def runs_on(self, device: DeviceTime) -> None:
        """Share it with others; before the first request."""
        self._turns = InstanceTurns(len(self._instances), device)

    def on_close(self, closed: Callable[[], Awaitable[None]]) -> None:
        """Await this too when the model is closed, behind its last run."""
        self._on_close.append(closed)

    def warn(self, text: str) -> None:
        """Say this of the model from now on."""
        self.signature = msgspec.structs.replace(self.signature, warnings=(*self.signature.warnings, text))

    def look_again(self) -> None:
        """What its policy goes by has changed: a lane that it shares is free."""
        self._ask()

    # ---- what callers see

    def submit(self, request: Request, reply: Reply) -> Cancel:
        try:
            item = self.read(request, reply)
        except HeadraceError as error:
            reply(error)
            return _nothing
        if (refused := self._let_in(item)) is not None:
            self.refuse(item, refused)
            return _nothing
        if request.bundle is None:
            self._ask()
        else:
            self._look()  # what came with it is in it
        return partial(self.cancel, item)

    def read(self, request: Request, reply: Reply) -> Waiting:
        """A request that may be offered. Raises what is wrong with it."""
        if request.ask is not None:
            raise InvalidRequest(f"model {self._version} is not a language model", "model")
        return Waiting(request, self._check(request), reply, self._clock.now_ns())

    def offer(self, item: Waiting) -> NotTaken | None:
        """Let it wait, or say why it may not: then nobody was told yet, and it may be offered elsewhere."""
        refused = self._let_in(item)
        if refused is None:
            self._ask()
        return refused

    def refuse(self, item: Waiting, refused: NotTaken) -> None:
        """Tell the caller, and record that it was shed."""
        item.reply(self._told(item, refused))

    def hand_over(self, may: Callable[[Waiting], bool], to: "BatchedModel") -> None:
        """Have another answer what waits here and may go there; what that does not let in goes on waiting here."""
        for item in filter(may, list(self._queue)):
            instead = to.read(item.request, item.reply)
            if to.offer(instead) is None:
                item.done, item.moved = True, partial(to.cancel, instead)
                self._queue.remove(item)
        self._settle()

    def cancel(self, item: Waiting) -> None:
        """The caller went away: out of the queue, or unanswered once its run ends."""
        item.moved()
        if item.done:
            return
        item.done = item.left = True
        self._record(CancelRecord(self._version, *(("queued", int(item.cost_ns)) if item.queued else ("running", 0))))
        if item.queued:
            self._queue.remove(item)
            self._settle()

    def foresee(self, context: Context) -> HeadraceError | None:
        """Why no request of this context would be let in now, however small it is; None where one may be.

        Whoever is told so before a body is read need not read it: it counts as having been asked, and as shed.
        """
        deadline_ns = self._objective.due_ns(context.arrived_ns, context.deadline_ns)
        if deadline_ns is None or not (self._running or self._queue):
            return None
        now_ns = self._clock.now_ns()
        least = Job(1, int(self.signature.batch.pad is not None), (), now_ns)
        least.arrived_ns, least.deadline_ns = context.arrived_ns or now_ns, deadline_ns
        least.level, least.tenant = context.level, context.tenant
        refusal = self._policy.foresee(least, now_ns)
        return None if refusal is None else self._told(least, self._not_taken(refusal))

    def together(self) -> Together:
        """As `servable.together`: where runs are so short that what is done for each request takes longer."""
        batch = self.signature.batch
        worth = self._gathering.pays and batch.batched and batch.pad is None and self._refusal is None
        return Together(batch.max_size, len(self._instances)) if worth else APART

    def backlog(self) -> Backlog:
        return Backlog(len(self._queue), self._running)

    async def drain(self) -> None:
        self._refusal = self._refusal or ModelUnavailable(f"model {self._version} is being unloaded")
        if self._running or self._queue:
            self._idle = self._idle or asyncio.Event()
            await self._idle.wait()

    async def close(self) -> None:
        self._refusal = closed = ModelUnavailable(f"model {self._version} was unloaded")
        await asyncio.gather(*(instance.close() for instance in self._instances))
        self._end_waiting(closed)  # also what came back from the instances
        if self._timer:
            self._timer.cancel()
        while self._on_close:
            await self._on_close.pop(0)()
        for instance in self._instances:  # nothing leads in a circle to what has gone: its memory is back at once
            instance.on_change(_nothing, lambda signature: None, _nothing)

    # ---- in

    def _let_in(self, item: Waiting) -> NotTaken | None:
        refused = self._admit(item, item.queued_ns)
        if refused is None:
            self._policy.push(item, item.queued_ns)
        return refused

    def _admit(self, item: Waiting, now_ns: int) -> NotTaken | None:
        """What keeps the request out."""
        if self._refusal:
            return NotTaken(self._refusal)
        item.deadline_ns = self._objective.due_ns(item.arrived_ns, item.deadline_ns)
        if item.deadline_ns is not None and item.deadline_ns <= now_ns:
            return NotTaken(passed(item), "late")
        if not self._instances[0].ready and (failure := failing(self._version, self._instances)):
            return NotTaken(failure)
        refusal = self._policy.admit(item, now_ns)
        return self._not_taken(refusal) if refusal else None

    def _not_taken(self, refusal: Refusal) -> NotTaken:
        return NotTaken(refused(self._version, self._queue, refusal), refusal.reason, refusal.predicted_ns)

    def _told(self, job: Job, refused: NotTaken) -> HeadraceError:
        """What its caller is told, once it is recorded that it was shed."""
        if refused.shed:
            self._shed(job, refused.shed, refused.predicted_ns)
        return refused.error

    def _shed(self, item: Job, reason: str, predicted_ns: float | None) -> None:
        if item.bundled:
            return
        deadline_ns = None if item.deadline_ns is None else item.deadline_ns - item.arrived_ns
        predicted = None if predicted_ns is None else int(predicted_ns)
        self._record(ShedRecord(self._version, item.tenant, reason, predicted, deadline_ns))

    # ---- the loop: look, decide, run, answer, look again

    def _ask(self) -> None:
        """Look at the queue once every socket of this round has been read."""
        if not self._asked:
            self._asked = True
            self._clock.call_soon(self._look)

    def _look(self) -> None:
        """Run what the policy says is to be run now."""
        self._asked = False
        now_ns = self._clock.now_ns()
        for given_up in self._policy.give_up(now_ns):
            self._give_up(given_up)
        while self._queue:
            instance = self._least_busy()
            if instance is None:
                self._wake_at(None)
                break
            if not instance.running and self._gathering.goes_on(len(self._queue), self.signature.batch.max_size):
                self._ask()
                break
            decision = self._policy.next(now_ns, instance.running)
            if isinstance(decision, Wait):
                self._wake_at(decision.until_ns)
                break
            self._run(instance, decision, now_ns)
        self._settle()

    def _least_busy(self) -> Instance | None:
        """The instance with least to do, of those that take work."""
        least = None
        for instance in self._instances:
            if instance.ready and (least is None or instance.running < least.running):
                least = instance
        return least

    def _wake_at(self, until_ns: int | None) -> None:
        """Look again then, or once something that waits is to be given up."""
        gives_up_ns = self._policy.gives_up_ns()
        if gives_up_ns is not None and (until_ns is None or gives_up_ns < until_ns):
            until_ns = gives_up_ns
        if self._timer:
            self._timer.cancel()
        self._timer = None if until_ns is None else self._clock.call_at(until_ns, self._look)

    def _run(self, instance: Instance, run: Run[Waiting], now_ns: int) -> None:
        self._running += run.requests
        axis, closed = self.signature.batch, Closed(run, self._instances.index(instance), now_ns)
        self._policy.began(run, now_ns)
        self._turns.handed(closed.instance, now_ns)
        joined = partial(collate.join, run.jobs, axis.batched, axis.pad)
        hand_over(instance, joined, lambda outcome: self._ran(closed, outcome), self._clock)

    def _ran(self, closed: Closed, outcome: Outcome) -> None:
        run = closed.run
        batch, requests = run.jobs, run.requests
        self._running -= requests
        ended_ns = self._clock.now_ns()
        turn = self._turns.ended(closed.instance, closed.started_ns, ended_ns, ran=outcome.ran)
        facts = closed.facts(outcome, self._variant, turn.device_ns)
        self._policy.ended(run, ended_ns)
        self._gathering.ran(requests, outcome.input_ns + outcome.infer_ns + outcome.output_ns)
        if self._queue:
            self._look()  # the instance gets its next batch before these answers are written
        self._fruitful = self._fruitful or not outcome.lost
        if outcome.error is not None:
            self._gathering.failed()
        if outcome.lost:
            self._lost(batch, outcome)
        elif outcome.error is None:
            self._succeeded(batch, facts, outcome)
            self._policy.answered(run, turn.began_ns, ended_ns, self._clock.now_ns())
        elif len(batch) > 1 and isinstance(outcome.error, InputRefused | Internal | MemoryFull):
            self._apart(batch)
        else:
            for item in batch:
                self._answer(item, outcome.error)
        if outcome.ran:
            code = outcome.error.code if outcome.error else ""
            self._record(BatchRecord(self._version, facts, code, int(run.late_ns), shares_of(batch, failed=bool(code))))
        self._settle()

    # ---- out

    def _succeeded(self, batch: Sequence[Waiting], facts: BatchFacts, outcome: Outcome) -> None:
        try:
            parts = collate.split(outcome.outputs, batch, self.signature.batch.pad)
        except Internal as error:  # rows that were found to keep to themselves do not: these have met
            why = "these requests run again alone, as all do with `batching = false`"
            log.warning("%s: %s; %s", self._version, error, why)
            self._apart(batch)
            return
        for item, outputs in zip(batch, parts, strict=True):
            part_ns = facts.device_ns * item.rows // facts.rows
            self._answer(item, Response(self._version, outputs, facts, device_ns=part_ns, rows=item.rows))

    def _lost(self, batch: Sequence[Waiting], outcome: Outcome) -> None:
        """The instance died: all goes once more, what it was running alone if it may be the cause (see `blame`)."""
        assert outcome.error is not None
        fruitful, self._fruitful = self._fruitful, self._fruitful and not outcome.ran
        for item in reversed(batch):
            if outcome.ran:
                item.blame = item.blame.after(fruitful)
            if item.bundled or item.blame.given_up(alone=len(batch) == 1):
                self._answer(item, outcome.error)
            elif not item.done:
                if item.blame.suspected:
                    item.keep_alone()
                self._again(item)

    def _apart(self, batch: Sequence[Waiting]) -> None:
        """The model refused the batch: each alone, so that only the one at fault is refused."""
        for item in reversed(batch):
            if not item.done:
                item.keep_alone()
                self._again(item)

    def _again(self, item: Waiting) -> None:
        self._queue.push_front(item)
        self._ask()

    def _answer(self, item: Waiting, answer: Response | HeadraceError) -> None:
        """The one place where a request ends; a reply that raises stops nobody else's."""
        if item.done:
            return
        item.done = True
        try:
            item.reply(answer)
        except Exception:
            log.exception("an answer of %s could not be delivered", self._version)

    def _end_waiting(self, error: HeadraceError) -> None:
        for item in self._queue.clear():
            self._answer(item, error)
        self._settle()

    def _settle(self) -> None:
        if self._idle and not self._running and not self._queue:
            self._idle.set()

    # ---- what changes while it serves

    def _give_up(self, given_up: GivenUp[Waiting]) -> None:
        """Answer what can no longer be in time, before it costs a run."""
        item = given_up.job
        self._shed(item, given_up.reason, given_up.predicted_ns)
        self._answer(item, dropped(given_up, self._clock.now_ns()))

    def _gave_up(self) -> None:
        """An instance keeps dying or not starting: what waits is told what newcomers are, unless another may run it."""
        if failure := all_failing(self._version, self._instances):
            self._end_waiting(failure)

    def _learn(self, learned: Signature) -> None:
        """A first run has shown whether rows may share one, and what comes out; what waits keeps to itself."""
        if not self.signature.batch.pending:
            return
        axis = learned.batch
        self.signature = msgspec.structs.replace(self.signature, batch=axis, outputs=learned.outputs)
        self._check = Check(self.signature)
        for item in self._queue.clear():  # it was checked by other rules
            item.keep_alone()
            self._policy.push(item, self._clock.now_ns())
        self._policy.resize(axis.max_size if axis.batched else 1)


def _nothing() -> None:
    """The cancel of a request that is already answered."""
