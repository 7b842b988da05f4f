"""What the runs of each model take: found out when it is loaded, kept when it goes. `latency.py` is what is known."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from weakref import WeakSet

from headrace.batching.instance import Instance
from headrace.batching.latency import Latency
from headrace.batching.latency_store import LatencyStore, latency_key, model_digest, model_kind
from headrace.batching.sweep import Size
from headrace.batching.trial import Trial, get_to_know, sizes_of
from headrace.clock import Clock
from headrace.types import Signature

KEEP_EVERY_NS = 300_000_000_000

ALIKE = 4.0
"""One whose smallest run takes no more than so many times as long as another's may well be like it: requests that are
answered meanwhile were seen to make three times of it."""


class Foreseen:
    """The latency of one model version, kept on disk every few minutes and when it is closed; `kind` is what it has in
    common with versions that take as long."""

    def __init__(self, latency: Latency, store: LatencyStore, key: str, clock: Clock, kind: str = "") -> None:
        self.latency = latency
        self.kind = kind
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
        self.kind = ""  # it stands for no other any more
        if self._keeping:
            await self._keeping
        await self.keep()

    def _due(self) -> None:
        self._keeping = asyncio.ensure_future(self.keep())
        self._timer = self._clock.call_at(self._clock.now_ns() + KEEP_EVERY_NS, self._due)


class Foresight:
    """Of all models of a server. They are tried one after another, so that none is measured while another runs.

    A version that is like another that is there, but for its weights, is known by that: in a swap, where requests are
    answered meanwhile, a sweep would both disturb these and be disturbed.
    """

    def __init__(self, store: LatencyStore, clock: Clock, wall_s: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._wall_s = wall_s
        self._turn = asyncio.Lock()
        self._there: WeakSet[Foreseen] = WeakSet()

    async def of(
        self,
        path: Path,
        ran_as: Sequence[object],
        instance: Instance,
        signature: Signature,
        budget_s: float,
        work: AbstractContextManager[object] | None = None,
        whose: Sequence[str] = (),
    ) -> Foreseen:
        """Of a model that was loaded from `path` and answers nobody yet.

        `ran_as` is what its times depend on beside its file: device, threads, processor; `whose` are the names that it
        has in common with its other versions. Runs may take `budget_s` in
        all, 0 makes none; `work` is entered for as long as they do.
        """
        key = latency_key([await asyncio.to_thread(_digest, path), signature.runtime, *ran_as])
        kept = await asyncio.to_thread(self._store.read, key, self._wall_s())
        kind = latency_key([model_kind(path), signature.inputs, signature.outputs, signature.batch, *ran_as, *whose])
        async with self._turn:
            trial, sizes = Trial(instance, signature, self._clock), sizes_of(signature)
            with work or nullcontext():
                known = None if kept and kept.fresh else await self._by_another(kind, trial, sizes, budget_s)
                latency = known or await get_to_know(trial, sizes, kept, budget_s)
        foreseen = Foreseen(latency, self._store, key, self._clock, kind)
        self._there.add(foreseen)
        if kept is None or not kept.fresh:
            await foreseen.keep()
        return foreseen

    async def _by_another(self, kind: str, trial: Trial, sizes: list[Size], budget_s: float) -> Latency | None:
        """What is known of one of this kind, where its smallest run takes about as long here."""
        another = next((each.latency for each in self._there if each.kind == kind and each.latency.known), None)
        if another is None or not sizes or budget_s <= 0:
            return None
        tried = await get_to_know(trial, sizes[:1], None, budget_s)
        times = tried.typical(*sizes[0]) / another.typical(*sizes[0])
        return Latency.from_json(another.to_json()) if 1 / ALIKE <= times <= ALIKE else None


def _digest(path: Path) -> str:
    """Of a file that went away meanwhile: its name, which nothing else has."""
    try:
        return model_digest(path)
    except OSError:
        return str(path)
