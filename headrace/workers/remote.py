"""The server's side of the border: an Instance whose model lives in a child process that may die."""

from collections import deque
from collections.abc import Callable

import msgspec

from headrace.batching.instance import Done, Outcome, Work
from headrace.clock import Clock
from headrace.devices.gives_way import GivesWay, at_once
from headrace.errors import SOON_S, MemoryFull, ModelInvalid, WorkerLost, error_of
from headrace.records import Recorder
from headrace.runtimes.load import Loading
from headrace.types import Signature, Tensor
from headrace.work import Works
from headrace.workers import wire
from headrace.workers.birth import Births
from headrace.workers.imports import IMPORTS
from headrace.workers.kept_process import Keeping, KeptProcess
from headrace.workers.layouts import Layout, Layouts
from headrace.workers.process import BATCHES
from headrace.workers.repeated import LONGEST, Repeated
from headrace.workers.run_limit import RunLimit
from headrace.workers.slot_pool import SlotPool
from headrace.workers.slots import Slot
from headrace.workers.wire import BEFORE_TIMES, TIMES, read_times


class Settings(msgspec.Struct, frozen=True):
    """What a worker is started with, and how long its steps may take."""

    asked: Loading
    index: int
    load_timeout_s: float
    run_limit_s: float  # 0: it is learnt


class _Batch(msgspec.Struct, frozen=True):
    """A batch that the worker has: where it lies, and who is told."""

    slot: Slot
    layout: Layout
    done: Done


class ProcessInstance:
    """Runs batches in a child process; the next child is started when one dies. Owns the child and the slots."""

    def __init__(
        self, settings: Settings, births: Births, record: Recorder, clock: Clock, works: Works | None = None
    ) -> None:
        self.ready = False  # a child takes batches
        self.half_takes: float | None = None  # how many times as long a row takes with half of the threads
        self.spreads = False  # its child holds the model twice
        self._settings = settings
        self._clock = clock
        self._slots = SlotPool(clock)
        self._batches: deque[_Batch] = deque()  # in the order in which the worker answers them
        self._axis = settings.asked.axis
        self._had_child = False  # one that loaded the model
        self._layouts = Layouts(RunLimit(settings.run_limit_s, settings.load_timeout_s))
        self._answered: Repeated[bytes, tuple[tuple[Tensor, ...], int]] = Repeated()  # outputs and their bytes
        self._began_ns = 0  # the batch that runs now
        asked = settings.asked
        fds = tuple(fd for slot in self._slots.slots for fd in slot.fds())
        keeping = Keeping(
            asked.manifest.id,
            BATCHES,
            asked.threads,
            settings.load_timeout_s,
            fds,
            settings.index,
            IMPORTS.get(asked.manifest.runtime, ()),
            asked.manifest.path,
            asked.manifest.variant,
        )
        self._process: KeptProcess[Signature] = KeptProcess(keeping, self, births, record, clock, works)
        self._changed: Callable[[], None] = lambda: None
        self._learned: Callable[[Signature], None] = lambda signature: None
        self._gave_up: Callable[[], None] = lambda: None

    @property
    def failure(self) -> str:
        return self._process.failure

    @property
    def running(self) -> int:
        return len(self._batches)

    @property
    def file(self) -> tuple[str, str]:
        """Of which model it is, and of which of its files: those of another version are called the same."""
        manifest = self._settings.asked.manifest
        return manifest.name, manifest.path.name

    @property
    def pid(self) -> int | None:
        """Of the child; None while there is none."""
        return self._process.pid

    def on_change(
        self, changed: Callable[[], None], learned: Callable[[Signature], None], gave_up: Callable[[], None]
    ) -> None:
        self._changed = changed
        self._learned = learned
        self._gave_up = gave_up

    async def start(self, gives_way: GivesWay = at_once) -> Signature:
        """Start a child and load the model.

        Raises ModelInvalid with the reason, WorkerLost where the child died of it, ModelUnavailable where it took
        too long.
        """
        signature = await self._process.start(gives_way)
        self.back()
        return signature

    def run(self, work: Work, done: Done) -> None:
        """Lay the rows into a free slot and tell the child. Raises OSError where the system has no memory for them;
        then it is as if nothing had been asked."""
        slot = self._slots.take()
        try:
            layout = self._layouts.lay(slot, work)
        except BaseException:
            self._slots.give_back(slot)
            raise
        if not self._batches:
            self._began(layout, self._clock.now_ns())
        self._batches.append(_Batch(slot, layout, done))
        self._process.send(layout.message)

    async def close(self) -> None:
        self.ready = False
        await self._process.close()
        self._answered.clear()
        self._slots.close()

    # ---- what the process that is kept asks

    def load(self) -> bytes:
        """The first message, with what earlier children have found."""
        asked = self._settings.asked
        spreads = asked.spreads and not self._had_child  # the next one is waited for
        message = wire.encode(wire.Load(msgspec.structs.replace(asked, axis=self._axis, spreads=spreads)))
        if len(message) > wire.MAX_MESSAGE_BYTES:
            raise ModelInvalid(f"its configuration is over the limit of {wire.MAX_MESSAGE_BYTES} bytes")
        return message

    def heard(self, message: memoryview) -> None:
        """One message of the child's."""
        answered = self._answered.get(bytes(message[BEFORE_TIMES]))
        if answered is not None:
            outputs, size = answered
            self._finish(Outcome(outputs, *read_times(message[TIMES])), size)
        else:
            self._heard(message)

    def _heard(self, message: memoryview) -> None:
        """One that is not as another of this child's: its first answer is among them."""
        answer = wire.decode_answer(message)
        if isinstance(answer, wire.Done):
            self._process.served()
            try:
                memory = self._slots.slots[answer.slot].outputs.view(answer.size)
            except OSError:  # no memory to map it; it was run all the same
                self._finish(
                    Outcome(error=MemoryFull("the system gave no memory for its answers", retry_after_s=SOON_S))
                )
                return
            outputs = wire.tensors(answer.outputs, memory)
            if len(message) <= LONGEST:
                self._answered.keep(bytes(message[BEFORE_TIMES]), (outputs, answer.size))
            self._finish(Outcome(outputs, *read_times(answer.times)), answer.size)
        elif isinstance(answer, wire.RunFailed):
            self._process.served()
            self._finish(Outcome(error=error_of(answer.code, answer.message)))
        elif isinstance(answer, wire.Learned):
            self._axis = answer.signature.batch
            self._learned(answer.signature)
        elif isinstance(answer, wire.Spreads):
            self.spreads = True
        elif isinstance(answer, wire.Loaded):
            self.half_takes = answer.half_takes
            self._axis = answer.signature.batch
            self._had_child = True
            self._process.loaded(answer.signature, answer.spent_ns)
        else:
            self._process.load_failed(error_of(answer.code, answer.message))

    def lost(self, why: str) -> None:
        """The child is gone. Every batch that it had is given back, the newest first, so that the oldest is back in
        front of the queue. Only the oldest was being run.
        """
        self.ready = self.spreads = False
        self._answered.clear()
        while self._batches:
            batch = self._batches.pop()
            error = WorkerLost(f"the worker that ran the request {why}", retry_after_s=1)
            batch.done(Outcome(error=error, lost=True, ran=not self._batches))
            self._slots.give_back(batch.slot, batch.layout.size)
        self._changed()

    def back(self) -> None:
        """The next child is ready."""
        self.ready = True
        self._changed()

    def gave_up(self) -> None:
        """Children die or do not start, again and again."""
        self._gave_up()

    # ----

    def _began(self, layout: Layout, now_ns: int) -> None:
        """The oldest batch runs from now on."""
        self._began_ns = now_ns
        self._process.watch(layout.limit.seconds, now_ns)

    def _finish(self, outcome: Outcome, output_bytes: int = 0) -> None:
        batch = self._batches.popleft()
        layout, now_ns = batch.layout, self._clock.now_ns()
        took_ns = now_ns - self._began_ns
        if took_ns >= layout.limit.notable_ns:
            layout.limit.learn(took_ns / 1e9)
        if self._batches:
            self._began(self._batches[0].layout, now_ns)
        else:
            self._process.rest()
        batch.done(outcome)
        self._slots.give_back(batch.slot, layout.size + output_bytes)
