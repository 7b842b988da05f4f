"""What the runs of each model take: found out when it is loaded, kept when it goes. `latency.py` is what is known."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from weakref import WeakSet

from headrace.batching.instance import Instance
from headrace.batching.latency import Latency
from headrace.batching.latency_store import LatencyStore, latency_key, model_digest, model_kind
from headrace.batching.sweep import REFUSALS, ROUNDS, Size
from headrace.batching.trial import Trial, get_to_know, sizes_of
from headrace.clock import Clock
from headrace.types import Signature

KEEP_EVERY_NS = 300_000_000_000

ALIKE = 4.0
"""One whose smallest run takes no more than so many times as long as another's may well be like it: requests that are
answered meanwhile were seen to make three times of it."""

HELD_UP = 2.0
"""Runs of which the longest took so many times as long as the shortest were held up, and tell nothing."""


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
    answered meanwhile, runs of it would both disturb these and be disturbed. It makes one, or a few where the first
    was held up, and gives way meanwhile.
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
        giving_way: AbstractContextManager[object] | None = None,
    ) -> Foreseen:
        """Of a model that was loaded from `path` and answers nobody yet.

        `ran_as` is what its times depend on beside its file: device, threads, processor; `whose` are the names that it
        has in common with its other versions. Runs may take `budget_s` in
        all, 0 makes none; `work` is entered for as long as they do, `giving_way` while they only show whether it is
        like another.
        """
        key = latency_key([await asyncio.to_thread(_digest, path), signature.runtime, *ran_as])
        kept = await asyncio.to_thread(self._store.read, key, self._wall_s())
        kind = latency_key([model_kind(path), signature.inputs, signature.outputs, signature.batch, *ran_as, *whose])
        async with self._turn:
            trial, sizes = Trial(instance, signature, self._clock), sizes_of(signature)
            with work or nullcontext():
                with giving_way or nullcontext():
                    known = await self._by_another(kind, trial, sizes, budget_s)
                latency = known or await get_to_know(trial, sizes, kept, budget_s)
        foreseen = Foreseen(latency, self._store, key, self._clock, kind)
        self._there.add(foreseen)
        if kept is None or not kept.fresh:
            await foreseen.keep()
        return foreseen

    async def _by_another(self, kind: str, trial: Trial, sizes: list[Size], budget_s: float) -> Latency | None:
        """What is known of one of this kind, unless its smallest run takes far more or less here."""
        another = next((each.latency for each in self._there if each.kind == kind and each.latency.known), None)
        if another is None or not sizes or budget_s <= 0:
            return None
        typical_ns, times = another.typical(*sizes[0]), list[float]()
        with suppress(*REFUSALS):
            while not is_settled(times) and sum(times) * typical_ns < budget_s * 1e9:
                times.append(await trial(*sizes[0]) / typical_ns)
            return Latency.from_json(another.to_json()) if may_be_like(times) else None
        return None


def is_settled(times: Sequence[float]) -> bool:
    """Whether runs that took so many times as long as another's need no more of them to say whether that is like it."""
    return bool(times) and (min(times) <= ALIKE or len(times) == ROUNDS)


def may_be_like(times: Sequence[float]) -> bool:
    """Whether they may be of one that is like it; the first also makes room, so that the others show whether they were
    held up."""
    if min(times) <= ALIKE:
        return min(times) >= 1 / ALIKE
    again = times[1:]
    return len(again) > 1 and max(again) > HELD_UP * min(again)


def _digest(path: Path) -> str:
    """Of a file that went away meanwhile: its name, which nothing else has."""
    try:
        return model_digest(path)
    except OSError:
        return str(path)
