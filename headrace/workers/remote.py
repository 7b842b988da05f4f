"""The server's side of the border: an Instance whose model lives in a child process that may die."""

from collections import deque
from collections.abc import Callable

import msgspec

from headrace.batching.instance import Done, Outcome, Work
from headrace.clock import Clock
from headrace.devices.gives_way import GivesWay, at_once
from headrace.errors import ModelInvalid, WorkerLost, error_of
from headrace.records import Recorder
from headrace.runtimes.load import Loading
from headrace.types import BatchAxis, Signature
from headrace.work import Works
from headrace.workers import wire
from headrace.workers.birth import Births
from headrace.workers.imports import IMPORTS
from headrace.workers.kept_process import Keeping, KeptProcess
from headrace.workers.process import BATCHES
from headrace.workers.run_limit import RunLimit
from headrace.workers.slots import Slot, lay_out

NUM_SLOTS = 3  # one that runs, one that is next, one whose answers are being written


class Settings(msgspec.Struct, frozen=True):
    """What a worker is started with, and how long its steps may take."""

    asked: Loading
    index: int
    load_timeout_s: float
    run_limit_s: float  # 0: it is learnt


class _Batch:
    """A batch that the worker has: where it lies, and who is told."""

    __slots__ = ("done", "size", "slot")

    def __init__(self, slot: Slot, size: int, done: Done) -> None:
        self.slot = slot
        self.size = size  # bytes
        self.done = done


class ProcessInstance:
    """Runs batches in a child process; the next child is started when one dies. Owns the child and the slots."""

    def __init__(
        self, settings: Settings, births: Births, record: Recorder, clock: Clock, works: Works | None = None
    ) -> None:
        self.half_takes: float | None = None  # how many times as long a row takes with half of the threads
        self.spreads = False  # its child holds the model twice
        self._settings = settings
        self._clock = clock
        self._slots = [Slot.create(index) for index in range(NUM_SLOTS)]
        self._free = list(self._slots)
        self._batches: deque[_Batch] = deque()  # in the order in which the worker answers them
        self._axis = settings.asked.axis
        self._had_child = False  # one that loaded the model
        self._limit = RunLimit(settings.run_limit_s, settings.load_timeout_s)
        self._began_ns = 0  # the batch that runs now
        asked = settings.asked
        fds = tuple(fd for slot in self._slots for fd in slot.fds())
        keeping = Keeping(
            asked.manifest.id,
            BATCHES,
            asked.threads,
            settings.load_timeout_s,
            fds,
            settings.index,
            IMPORTS.get(asked.manifest.runtime, ()),
            asked.manifest.path,
        )
        self._process: KeptProcess[Signature] = KeptProcess(keeping, self, births, record, clock, works)
        self._changed: Callable[[], None] = lambda: None
        self._learned: Callable[[BatchAxis], None] = lambda axis: None

    @property
    def ready(self) -> bool:
        return self._process.ready

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

    def on_change(self, changed: Callable[[], None], learned: Callable[[BatchAxis], None]) -> None:
        self._changed = changed
        self._learned = learned

    async def start(self, gives_way: GivesWay = at_once) -> Signature:
        """Start a child and load the model.

        Raises ModelInvalid with the reason, WorkerLost where the child died of it, ModelUnavailable where it took
        too long.
        """
        signature = await self._process.start(gives_way)
        self._changed()
        return signature

    def run(self, work: Work, done: Done) -> None:
        """Lay the rows into a free slot and tell the child."""
        slot = self._free.pop()
        sizes = [sum(map(len, rows.parts)) for rows in work.inputs]
        offsets, end = lay_out(sizes)
        memory = slot.inputs.room(end)
        parts = []
        for rows, offset, size in zip(work.inputs, offsets, sizes, strict=True):
            at = offset
            for part in rows.parts:
                memory[at : at + len(part)] = part
                at += len(part)
            parts.append(wire.Part(rows.name, rows.datatype, rows.shape, offset, size))
        self._batches.append(_Batch(slot, end, done))
        if len(self._batches) == 1:
            self._began()
        self._process.send(wire.encode(wire.Run(slot.index, end, tuple(parts), work.outputs)))

    async def close(self) -> None:
        await self._process.close()
        for slot in self._slots:
            slot.close()

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
        answer = wire.decode_answer(message)
        if isinstance(answer, wire.Done):
            memory = self._slots[answer.slot].outputs.view(answer.size)
            outputs = wire.tensors(answer.outputs, memory)
            self._finish(Outcome(outputs, answer.input_ns, answer.infer_ns, answer.output_ns), answer.size)
        elif isinstance(answer, wire.RunFailed):
            self._finish(Outcome(error=error_of(answer.code, answer.message)))
        elif isinstance(answer, wire.Learned):
            self._axis = answer.axis
            self._learned(answer.axis)
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
        self.spreads = False
        while self._batches:
            batch = self._batches.pop()
            error = WorkerLost(f"the worker that ran the request {why}", retry_after_s=1)
            batch.done(Outcome(error=error, lost=True, ran=not self._batches))
            self._free.append(batch.slot)
        self._changed()

    def back(self) -> None:
        """The next child is ready."""
        self._changed()

    # ----

    def _began(self) -> None:
        """The oldest batch runs from now on."""
        self._began_ns = self._clock.now_ns()
        self._process.watch(self._limit.seconds(self._batches[0].size))

    def _finish(self, outcome: Outcome, output_bytes: int = 0) -> None:
        self._process.served()
        batch = self._batches.popleft()
        self._limit.learn((self._clock.now_ns() - self._began_ns) / 1e9, batch.size)
        if self._batches:
            self._began()
        else:
            self._process.rest()
        batch.done(outcome)
        batch.slot.inputs.trim(batch.size)
        batch.slot.outputs.trim(output_bytes)
        self._free.append(batch.slot)
