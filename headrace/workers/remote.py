"""The server's side of the border: an Instance whose model lives in a child process that may die."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable

import msgspec

from headrace.batching.instance import Done, Outcome, Work
from headrace.clock import Clock, Timer
from headrace.errors import HeadraceError, ModelInvalid, ModelUnavailable, WorkerLost
from headrace.records import Recorder, WorkerEvent
from headrace.runtimes.load import Loading
from headrace.types import BatchAxis, Signature
from headrace.workers import wire
from headrace.workers.process import Process
from headrace.workers.restarts import Restarts
from headrace.workers.slots import Slot, lay_out

log = logging.getLogger(__name__)

NUM_SLOTS = 3  # one that runs, one that is next, one whose answers are being written


class Settings(msgspec.Struct, frozen=True):
    """What a worker is started with, and how long its steps may take."""

    asked: Loading
    index: int
    load_timeout_s: float
    batch_timeout_s: float


class _Batch:
    """A batch that the worker has: where it lies, and who is told."""

    __slots__ = ("done", "size", "slot")

    def __init__(self, slot: Slot, size: int, done: Done) -> None:
        self.slot = slot
        self.size = size
        self.done = done


class ProcessInstance:
    """Runs batches in a child process; starts the next child when one dies. Owns the child and the slots."""

    def __init__(self, settings: Settings, record: Recorder, clock: Clock) -> None:
        self.ready = False
        self.failure = ""
        self.half_takes: float | None = None  # how many times as long a row takes with half of the threads
        self._settings = settings
        self._record = record
        self._clock = clock
        self._slots = [Slot.create(index) for index in range(NUM_SLOTS)]
        self._free = list(self._slots)
        self._batches: deque[_Batch] = deque()  # in the order in which the worker answers them
        self._process: Process | None = None
        self._loaded: asyncio.Future[Signature] | None = None
        self._axis = settings.asked.axis
        self._served = False  # something, since this child started
        self._restarts = Restarts()
        self._restarting: asyncio.Task[None] | None = None
        self._hang: Timer | None = None
        self._since_ns = 0  # that the batch has run which runs now
        self._batch_timeout_ns = int(settings.batch_timeout_s * 1e9)
        self._why = ""  # it is killed
        self._changed: Callable[[], None] = lambda: None
        self._learned: Callable[[BatchAxis], None] = lambda axis: None

    @property
    def running(self) -> int:
        return len(self._batches)

    @property
    def pid(self) -> int | None:
        """Of the child; None while there is none."""
        return self._process.pid if self._process else None

    def on_change(self, changed: Callable[[], None], learned: Callable[[BatchAxis], None]) -> None:
        self._changed = changed
        self._learned = learned

    async def start(self) -> Signature:
        """Start a child and load the model.

        Raises ModelInvalid with the reason, WorkerLost where the child died of it, ModelUnavailable where it took
        too long.
        """
        loaded: asyncio.Future[Signature] = asyncio.get_running_loop().create_future()
        self._loaded = loaded
        self._served, self._why = False, ""
        asked = msgspec.structs.replace(self._settings.asked, axis=self._axis)
        message = wire.encode(wire.Load(asked))
        if len(message) > wire.MAX_MESSAGE_BYTES:
            raise ModelInvalid(f"its configuration is over the limit of {wire.MAX_MESSAGE_BYTES} bytes")
        fds = [fd for slot in self._slots for fd in slot.fds()]
        process = await Process.start(fds, asked.threads, self._on_message, self._on_end)
        self._process = process
        if not process.send(message):
            process.kill()  # it may live, and would wait for ever
        try:
            signature = await asyncio.wait_for(loaded, self._settings.load_timeout_s)
        except TimeoutError:
            process.kill()
            await process.close()
            seconds = f"{self._settings.load_timeout_s:g} s (workers.load_timeout_s)"
            raise ModelUnavailable(f"the model did not load within {seconds}") from None
        except BaseException:
            await process.close()
            raise
        self._axis = signature.batch
        self.failure = ""
        self.ready = True
        self._tell("started", "", process.pid)
        self._changed()
        return signature

    def run(self, work: Work, done: Done) -> None:
        """Lay the rows into a free slot and tell the child."""
        assert self._process is not None, "not ready"
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
            self._watch()
        if not self._process.send(wire.encode(wire.Run(slot.index, end, tuple(parts), work.outputs))):
            self._process.kill()  # it is gone, or would never answer: the batch comes back with its end

    async def close(self) -> None:
        self.ready = False
        if self._restarting:
            self._restarting.cancel()
            await asyncio.gather(self._restarting, return_exceptions=True)
        if self._process:
            await self._process.close()
        for slot in self._slots:
            slot.close()

    # ---- what the child says

    def _on_message(self, message: memoryview) -> None:
        answer = wire.decode_answer(message)
        if isinstance(answer, wire.Done):
            self._served = True
            memory = self._slots[answer.slot].outputs.view(answer.size)
            outputs = wire.tensors(answer.outputs, memory)
            self._finish(Outcome(outputs, answer.input_ns, answer.infer_ns, answer.output_ns), answer.size)
        elif isinstance(answer, wire.RunFailed):
            self._served = True
            self._finish(Outcome(error=wire.error_of(answer.code, answer.message)))
        elif isinstance(answer, wire.Learned):
            self._axis = answer.axis
            self._learned(answer.axis)
        elif self._loaded and not self._loaded.done():
            if isinstance(answer, wire.Loaded):
                self.half_takes = answer.half_takes
                self._loaded.set_result(answer.signature)
            else:
                self._loaded.set_exception(wire.error_of(answer.code, answer.message))

    def _finish(self, outcome: Outcome, output_bytes: int = 0) -> None:
        batch = self._batches.popleft()
        if self._batches:
            self._watch()
        batch.done(outcome)
        batch.slot.inputs.trim(batch.size)
        batch.slot.outputs.trim(output_bytes)
        self._free.append(batch.slot)

    # ---- what goes wrong

    def _watch(self) -> None:
        """Give the batch that now runs its time. One timer looks after all of them: it is set again when it fires."""
        self._since_ns = self._clock.now_ns()
        if self._hang is None:
            self._hang = self._clock.call_at(self._since_ns + self._batch_timeout_ns, self._check_hang)

    def _check_hang(self) -> None:
        self._hang = None
        if not self._batches:
            return
        due_ns = self._since_ns + self._batch_timeout_ns
        if self._clock.now_ns() >= due_ns:
            self._hung()
        else:
            self._hang = self._clock.call_at(due_ns, self._check_hang)

    def _hung(self) -> None:
        self._why = f"ran one batch for more than {self._settings.batch_timeout_s:g} s"
        if self._process:
            self._process.kill()

    def _on_end(self, how: str) -> None:
        why = self._why or how
        pid = self.pid or 0
        was_ready, self.ready = self.ready, False
        self._process = None
        if self._hang:
            self._hang.cancel()
            self._hang = None
        if self._loaded and not self._loaded.done():
            self._tell("died", why, pid)
            self._loaded.set_exception(WorkerLost(f"its worker {why} while it loaded the model"))
        elif was_ready:
            self._tell("hung" if self._why else "died", why, pid)
            self._restarts = self._restarts.after(self._served)
            self._restarting = asyncio.ensure_future(self._restart())
        self._give_back(why)
        self._changed()

    def _give_back(self, why: str) -> None:
        """Every batch that the child had, the newest first, so that the oldest is back in front of the queue.

        Only the oldest was being run.
        """
        while self._batches:
            batch = self._batches.pop()
            error = WorkerLost(f"the worker that ran the request {why}", retry_after_s=1)
            batch.done(Outcome(error=error, lost=True, ran=not self._batches))
            self._free.append(batch.slot)

    async def _restart(self) -> None:
        while True:
            if self._restarts.given_up:
                self.failure = "its worker dies again and again; the server's log says why"
            await asyncio.sleep(self._restarts.delay_s)
            try:
                await self.start()
                return
            except (HeadraceError, OSError) as error:
                log.warning("%s: the worker did not start: %s", self._settings.asked.manifest.id, error)
                self._restarts = self._restarts.after(served=False)

    def _tell(self, what: str, reason: str, pid: int) -> None:
        version = self._settings.asked.manifest.id
        self._record(WorkerEvent(version, self._settings.index, what, reason, time.time(), pid))
