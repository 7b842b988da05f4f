"""What the runs of each model take: found out when it is loaded, kept when it goes. `latency.py` is what is known."""

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from headrace.batching.instance import Instance
from headrace.batching.latency import Latency
from headrace.batching.latency_store import LatencyStore, latency_key, model_digest
from headrace.batching.trial import Trial, get_to_know, sizes_of
from headrace.clock import Clock
from headrace.types import Signature

KEEP_EVERY_NS = 300_000_000_000


class Foreseen:
    """The latency of one model version, kept on disk every few minutes and when it is closed."""

    def __init__(self, latency: Latency, store: LatencyStore, key: str, clock: Clock) -> None:
        self.latency = latency
        self._store = store
        self._key = key
        self._clock = clock
        self._keeping: asyncio.Task[None] | None = None
        self._timer = clock.call_at(clock.now_ns() + KEEP_EVERY_NS, self._due)

    async def keep(self) -> None:
        """Write what is known, on a thread. A disk that is full or away is no fault."""
        if self.latency.known:
            await asyncio.to_thread(self._store.write, self._key, self.latency.to_json())

    async def close(self) -> None:
        """Keep what is known for the next start."""
        self._timer.cancel()
        if self._keeping:
            await self._keeping
        await self.keep()

    def _due(self) -> None:
        self._keeping = asyncio.ensure_future(self.keep())
        self._timer = self._clock.call_at(self._clock.now_ns() + KEEP_EVERY_NS, self._due)


class Foresight:
    """Of all models of a server. They are tried one after another, so that none is measured while another runs."""

    def __init__(self, store: LatencyStore, clock: Clock, wall_s: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._wall_s = wall_s
        self._turn = asyncio.Lock()

    async def of(
        self,
        path: Path,
        ran_as: Iterable[object],
        instance: Instance,
        signature: Signature,
        budget_s: float,
        work: AbstractContextManager[object] | None = None,
    ) -> Foreseen:
        """Of a model that was loaded from `path` and answers nobody yet.

        `ran_as` is what its times depend on beside its file: device, threads, processor. Runs may take `budget_s` in
        all, 0 makes none; `work` is entered for as long as they do.
        """
        key = latency_key([await asyncio.to_thread(_digest, path), signature.runtime, *ran_as])
        kept = await asyncio.to_thread(self._store.read, key, self._wall_s())
        async with self._turn:
            trial = Trial(instance, signature, self._clock)
            with work or nullcontext():
                latency = await get_to_know(trial, sizes_of(signature), kept, budget_s)
        foreseen = Foreseen(latency, self._store, key, self._clock)
        if kept is None or not kept.fresh:
            await foreseen.keep()
        return foreseen


def _digest(path: Path) -> str:
    """Of a file that went away meanwhile: its name, which nothing else has."""
    try:
        return model_digest(path)
    except OSError:
        return str(path)
