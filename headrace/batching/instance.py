"""One copy of a loaded model that runs batches, wherever it lives: the protocol, and the one on a thread."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import msgspec

from headrace.errors import HeadraceError, Internal
from headrace.runtimes.execute import Executed, execute
from headrace.runtimes.load import Loading, load
from headrace.runtimes.runtime import LoadedModel
from headrace.types import Buffer, Shape, Signature, Tensor
from headrace.work import Works

log = logging.getLogger(__name__)


class Rows(msgspec.Struct, frozen=True):
    """One input of a batch: the rows of its requests, still where they arrived, to be laid end to end."""

    name: str
    datatype: str
    shape: Shape  # of the whole
    parts: list[Buffer]


class Work(msgspec.Struct, frozen=True):
    """One batch to run."""

    inputs: tuple[Rows, ...]
    outputs: tuple[str, ...]  # empty: all of them


class Outcome(msgspec.Struct, frozen=True):
    """What became of a batch. Outputs are valid only during the call that hands it over."""

    outputs: tuple[Tensor, ...] = ()
    input_ns: int = 0
    infer_ns: int = 0
    output_ns: int = 0
    error: HeadraceError | None = None
    lost: bool = False  # what ran it died
    ran: bool = True  # False: lost before its turn came


Done = Callable[[Outcome], None]


class Instance(Protocol):
    """Runs batches one after the other; called, and calling back, on the event loop."""

    @property
    def ready(self) -> bool:
        """Takes work now."""
        ...

    @property
    def running(self) -> int:
        """Batches handed to it and not yet done."""
        ...

    @property
    def failure(self) -> str:
        """Why it has not been ready for long, or empty."""
        ...

    def run(self, work: Work, done: Done) -> None:
        """Run a batch; `done` is called once, later. Parts are read before this returns. What it raises is that nothing
        was begun, and `done` is not called."""
        ...

    def on_change(
        self, changed: Callable[[], None], learned: Callable[[Signature], None], gave_up: Callable[[], None]
    ) -> None:
        """Call `changed` when `ready` has changed, `learned` when a run has shown the batch axis and the outputs, and
        `gave_up` each time that it is not ready, and will not be for long, as `failure` says."""
        ...

    async def close(self) -> None:
        """Stop; what was handed over is answered as lost."""
        ...


async def on_thread(asked: Loading, works: Works) -> "ThreadInstance":
    """Load a model into this process. Raises ModelInvalid or ModelUnavailable with the reason."""
    with works.doing(asked.manifest.id, "load") as work:
        loaded = await asyncio.get_running_loop().run_in_executor(None, load, asked)
        work.spent_ns = loaded.spent_ns
    return ThreadInstance(loaded.model, loaded.signature)


class ThreadInstance:
    """Runs on a thread of this process (`isolation = "none"`); owns the model it is given."""

    def __init__(self, model: LoadedModel, signature: Signature) -> None:
        self.ready = True
        self.running = 0
        self.failure = ""
        self.signature = signature
        self._model = model
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="instance")

    def run(self, work: Work, done: Done) -> None:
        self.running += 1
        inputs = [Tensor(rows.name, rows.datatype, rows.shape, _joined(rows.parts)) for rows in work.inputs]
        future = self._loop.run_in_executor(self._thread, self._execute, inputs, work.outputs)

        def finished(future: "asyncio.Future[Outcome]") -> None:
            self.running -= 1
            done(future.result())

        future.add_done_callback(finished)

    def on_change(
        self, changed: Callable[[], None], learned: Callable[[Signature], None], gave_up: Callable[[], None]
    ) -> None:
        """Nothing changes here."""

    async def close(self) -> None:
        self.ready = False
        await self._loop.run_in_executor(self._thread, self._model.close)
        self._thread.shutdown()

    def _execute(self, inputs: list[Tensor], outputs: tuple[str, ...]) -> Outcome:
        try:
            executed: Executed = execute(self._model, self.signature, inputs, outputs)
        except HeadraceError as error:
            return Outcome(error=error)
        except Exception:
            log.exception("the model failed")
            return Outcome(error=Internal("the model failed; the server's log says how"))
        return Outcome(tuple(executed.outputs), executed.input_ns, executed.infer_ns, executed.output_ns)


def _joined(parts: list[Buffer]) -> Buffer:
    return parts[0] if len(parts) == 1 else b"".join(parts)
