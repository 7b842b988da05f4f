"""The Servable of a tensor model: requests wait in a queue, the policy closes batches, instances run them."""

import asyncio
import logging
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from headrace.batching import collate
from headrace.batching.check import Check
from headrace.batching.instance import Instance, Outcome
from headrace.batching.policy import Limits, Wait, decide, share
from headrace.batching.queue import Queue, Waiting
from headrace.clock import Clock, Timer
from headrace.errors import (
    DeadlineExceeded,
    HeadraceError,
    InputRefused,
    Internal,
    InvalidRequest,
    ModelUnavailable,
    QueueFull,
)
from headrace.records import BatchRecord, Recorder
from headrace.servable import Cancel, Reply
from headrace.types import Backlog, BatchAxis, BatchFacts, ModelVersion, Request, Response, Signature

log = logging.getLogger(__name__)

MAX_ATTEMPTS = 2  # runs that may die with a request in them before it is given up


class BatchedModel:
    """Answers requests for one version; owns its instances, its queue and every request until it is answered.

    All methods are called on the event loop. A batch that dies with its instance is run once more, each of
    its requests alone; a batch that the model refuses is too, so that one bad row spoils no other answer.
    """

    def __init__(
        self,
        version: ModelVersion,
        signature: Signature,
        instances: Sequence[Instance],
        limits: Limits,
        record: Recorder,
        clock: Clock,
    ) -> None:
        self.signature = signature
        self._version = version
        self._instances = instances
        self._limits = limits
        self._record = record
        self._clock = clock
        self._check = Check(signature)
        self._queue = Queue()
        self._running = 0  # requests
        self._row_ns = 0.0  # that a row has taken in recent runs
        self._refusal: HeadraceError | None = None  # once it takes nothing new
        self._asked = False  # a look at the queue is on its way
        self._timer: Timer | None = None
        self._idle: asyncio.Event | None = None  # once somebody waits for the last answer
        for instance in instances:
            instance.on_change(self._look, self._learn)

    # ---- what callers see

    def submit(self, request: Request, reply: Reply) -> Cancel:
        now_ns = self._clock.now_ns()
        try:
            if request.ask is not None:
                raise InvalidRequest(f"model {self._version} is not a language model", "model")
            item = Waiting(request, self._check(request), reply, now_ns)
            self._admit(item, now_ns)
        except HeadraceError as error:
            reply(error)
            return _nothing
        if not self.signature.batch.batched:
            item.keep_alone()
        self._queue.push(item)
        self._ask()
        return lambda: self._cancel(item)

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
        for item in self._queue.clear():  # also what came back from the instances
            self._answer(item, closed)
        self._settle()
        if self._timer:
            self._timer.cancel()

    # ---- in

    def _admit(self, item: Waiting, now_ns: int) -> None:
        """Raises what keeps the request out."""
        if self._refusal:
            raise self._refusal
        deadline_ns = item.request.context.deadline_ns
        if deadline_ns is not None and deadline_ns <= now_ns:
            raise DeadlineExceeded("the time given had passed on arrival")
        if not self._instances[0].ready:
            self._refuse_if_failing()
        queue, limits = self._queue, self._limits
        if len(queue) >= limits.max_queue:
            raise QueueFull(f"{len(queue)} requests wait for {self._version}, the limit", retry_after_s=1)
        if len(queue) and queue.num_bytes + item.num_bytes > limits.max_queue_bytes:
            raise QueueFull(f"requests for {self._version} hold {queue.num_bytes} bytes, the limit", retry_after_s=1)

    def _refuse_if_failing(self) -> None:
        """Waiting is of use while an instance is about to come back, not while each start of it fails."""
        if not any(instance.ready for instance in self._instances):
            failure = next((instance.failure for instance in self._instances if instance.failure), "")
            if failure:
                raise ModelUnavailable(f"model {self._version}: {failure}", retry_after_s=1)

    def _cancel(self, item: Waiting) -> None:
        """The caller went away: out of the queue, or unanswered once its run ends."""
        if item.done:
            return
        item.done = True
        if item.queued:
            self._queue.remove(item)
            self._settle()

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
        self._expire(now_ns)
        while self._queue:
            instance = self._least_busy()
            if instance is None:
                self._wake_at(None)
                break
            oldest = self._queue.oldest()
            rows = self._queue.rows_beside(oldest)
            decision = decide(rows, oldest.queued_ns, now_ns, instance.running, self._limits)
            if isinstance(decision, Wait):
                self._wake_at(decision.until_ns)
                break
            taken = self._queue.take(share(rows, self._row_ns, self._limits))
            self._run(instance, taken, decision.reason, now_ns)

    def _least_busy(self) -> Instance | None:
        """The instance with least to do, of those that take work."""
        least = None
        for instance in self._instances:
            if instance.ready and (least is None or instance.running < least.running):
                least = instance
        return least

    def _wake_at(self, until_ns: int | None) -> None:
        """Look again then, or at the first deadline of what waits."""
        deadline_ns = self._queue.next_deadline()
        if deadline_ns is not None and (until_ns is None or deadline_ns < until_ns):
            until_ns = deadline_ns
        if self._timer:
            self._timer.cancel()
        self._timer = None if until_ns is None else self._clock.call_at(until_ns, self._look)

    def _run(self, instance: Instance, batch: list[Waiting], reason: str, now_ns: int) -> None:
        self._running += len(batch)
        work = collate.join(batch, self.signature.batch.batched, self.signature.batch.pad)
        closed = _Closed(reason, self._instances.index(instance), now_ns)
        instance.run(work, lambda outcome: self._ran(batch, closed, outcome))

    def _ran(self, batch: list[Waiting], closed: "_Closed", outcome: Outcome) -> None:
        self._running -= len(batch)
        facts = _facts(batch, closed, outcome)
        if outcome.error is None:
            self._row_ns += (facts.infer_ns / facts.rows - self._row_ns) * (0.2 if self._row_ns else 1.0)
        self._look()  # the instance gets its next batch before these answers are written
        if outcome.lost:
            self._lost(batch, outcome)
        elif outcome.error is None:
            self._succeeded(batch, facts, outcome)
        elif len(batch) > 1 and isinstance(outcome.error, InputRefused | Internal):
            self._apart(batch)
        else:
            for item in batch:
                self._answer(item, outcome.error)
        if outcome.ran:
            self._record(BatchRecord(self._version, facts, outcome.error.code if outcome.error else ""))
        self._settle()

    # ---- out

    def _succeeded(self, batch: list[Waiting], facts: BatchFacts, outcome: Outcome) -> None:
        try:
            parts = collate.split(outcome.outputs, batch, self.signature.batch.pad)
            for item, outputs in zip(batch, parts, strict=True):
                self._answer(item, Response(self._version, outputs, facts))
        except HeadraceError as error:
            log.exception("the outputs of %s cannot be split", self._version)
            for item in batch:
                self._answer(item, error)

    def _lost(self, batch: list[Waiting], outcome: Outcome) -> None:
        """The instance died: what it was running goes once more, alone; what it had not begun, as it was."""
        assert outcome.error is not None
        for item in reversed(batch):
            item.attempts += outcome.ran
            if item.attempts >= MAX_ATTEMPTS:
                self._answer(item, outcome.error)
            elif not item.done:
                if outcome.ran:
                    item.keep_alone()
                self._again(item)

    def _apart(self, batch: list[Waiting]) -> None:
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

    def _settle(self) -> None:
        if self._idle and not self._running and not self._queue:
            self._idle.set()

    # ---- what changes while it serves

    def _expire(self, now_ns: int) -> None:
        """Answer what can no longer be in time, before it costs a run."""
        late = self._queue.take_late(now_ns)
        for item in late:
            waited_ms = (now_ns - item.queued_ns) / 1e6
            self._answer(item, DeadlineExceeded(f"waited {waited_ms:.1f} ms in the queue, past its deadline"))
        if late:
            self._settle()

    def _learn(self, axis: BatchAxis) -> None:
        """A first run has shown whether rows may share one; what waits keeps to itself."""
        if not self.signature.batch.pending:
            return
        self.signature = msgspec.structs.replace(self.signature, batch=axis)
        self._check = Check(self.signature)
        self._limits = msgspec.structs.replace(self._limits, max_size=axis.max_size)


class _Closed(NamedTuple):
    """When, why and for which instance a batch was closed."""

    reason: str
    instance: int
    started_ns: int


def _facts(batch: list[Waiting], closed: _Closed, outcome: Outcome) -> BatchFacts:
    return BatchFacts(
        rows=sum([item.rows for item in batch]),
        requests=len(batch),
        reason=closed.reason,
        instance=closed.instance,
        started_ns=closed.started_ns,
        input_ns=outcome.input_ns,
        infer_ns=outcome.infer_ns,
        output_ns=outcome.output_ns,
    )


def _nothing() -> None:
    """The cancel of a request that is already answered."""
