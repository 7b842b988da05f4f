"""Keeps what was asked and answered, tensors and texts: chooses, redacts, and has a thread write it down."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from headrace.capture.captured import Captured, captured_tensors
from headrace.capture.choice import Choice
from headrace.capture.redaction import Redaction
from headrace.capture.store import Store, Summary
from headrace.capture.text import Gathering, Text
from headrace.generation import Generate
from headrace.records import Record, SampleRecord
from headrace.servable import Reply
from headrace.types import ModelVersion, Request, Response

T = TypeVar("T")

MOST_WAITING_BYTES = 64 << 20
"""Of what is yet to be written."""


class Capture:
    """A listener of the bus that keeps samples. It waits for no disk: what is too much is left out, and counted."""

    def __init__(
        self,
        choice: Choice,
        redaction: Redaction,
        file: Path | None,
        most_bytes: int,
        epoch_ns: int,
        now_ns: Callable[[], int],
    ) -> None:
        """`epoch_ns` is Unix time when the clock was 0; without a `file` what is kept ends with the server."""
        self._now_ns = now_ns
        self.dropped: Counter[str] = Counter()  # by reason
        self._choice = choice
        self._redaction = redaction
        self._file = file
        self._most_bytes = most_bytes
        self._epoch_ns = epoch_ns
        self._thread = ThreadPoolExecutor(1, "capture")
        self._store: Store | None = None
        self._waiting_bytes = 0

    def wants(self, request: Request, response: Response) -> bool:
        """Whether the gateway is to record this whole."""
        return self._choice.takes(response.model, response.batch)

    def passes(self, model: str, requests: int) -> bool:
        """Whether none of a model's next requests is; which of them is known once it has run."""
        return False

    def __call__(self, records: Sequence[Record]) -> None:
        chosen = [
            each for each in records if isinstance(each, SampleRecord) and self._choice.takes(each.model, each.batch)
        ]
        if chosen and self._store is not None:
            self._keep([self._captured(each) for each in chosen])

    def follow(self, request: Request, version: ModelVersion, reply: Reply) -> Reply:
        """Where a language model's answer to this request goes, once its version is known."""
        ask = request.ask
        if not isinstance(ask, Generate) or not self._choice.draws(version, request.context.arrived_ns):
            return reply
        return Gathering(request, ask, reply, self._keep_text)

    def _keep_text(self, request: Request, version: ModelVersion, text: Text) -> None:
        if self._store is None:
            return
        arrived_ns, now_ns = request.context.arrived_ns, self._now_ns()
        captured = Captured(
            at=(now_ns + self._epoch_ns) / 1e9,
            run=arrived_ns,
            model=version.name,
            version=version.version,
            request=request.id,
            tenant=self._redaction.tenant(request.context.tenant),
            ms=round((now_ns - arrived_ns) / 1e6, 4),
            rows=1,
            inputs=(),
            outputs=(),
            text=self._redaction.text(text),
        )
        self._keep([captured])

    def _keep(self, captured: Sequence[Captured]) -> None:
        num_bytes = sum(each.num_bytes for each in captured)
        if self._waiting_bytes + num_bytes > MOST_WAITING_BYTES:
            self.dropped["full"] += len(captured)
            return
        self._waiting_bytes += num_bytes
        asyncio.get_running_loop().run_in_executor(self._thread, self._write, captured).add_done_callback(
            lambda done: self._written(num_bytes, done)
        )

    async def start(self) -> None:
        """Open what was kept."""
        self._store = await self._do(lambda: Store(self._file, self._most_bytes))

    async def close(self) -> None:
        """Write what waits, and end."""
        if (store := self._store) is not None:
            self._store = None
            await self._do(store.close)
        self._thread.shutdown(wait=False)

    async def summaries(self) -> list[Summary]:
        """What is kept of each version."""
        return await self._asked(Store.summaries)

    async def read(self, model: str, version: int | None, after: int, most: int) -> list[tuple[int, Captured]]:
        """As `Store.read`."""
        return await self._asked(lambda store: store.read(model, version, after, most))

    async def remove(self, model: str) -> int:
        """Forget all of a model; returns how many that were."""
        return await self._asked(lambda store: store.remove(model))

    def _captured(self, sample: SampleRecord) -> Captured:
        batch = sample.batch
        assert batch is not None
        return Captured(
            at=(sample.finished_ns + self._epoch_ns) / 1e9,
            run=batch.started_ns,
            model=sample.model.name,
            version=sample.model.version,
            request=sample.id,
            tenant=self._redaction.tenant(sample.tenant),
            ms=round((batch.input_ns + batch.infer_ns + batch.output_ns) / 1e6, 4),
            rows=batch.rows,
            inputs=captured_tensors(self._redaction.tensors(sample.inputs)),
            outputs=captured_tensors(self._redaction.tensors(sample.outputs)),
        )

    def _write(self, captured: Sequence[Captured]) -> int:
        return self._store.add(captured) if self._store else len(captured)

    def _written(self, num_bytes: int, done: "asyncio.Future[int]") -> None:
        self._waiting_bytes -= num_bytes
        if not done.cancelled() and (lost := done.result()):
            self.dropped["disk"] += lost

    async def _asked(self, question: Callable[[Store], T]) -> T:
        store = self._store
        assert store is not None, "it has not been started"
        return await self._do(lambda: question(store))

    async def _do(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
