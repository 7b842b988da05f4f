"""A tensor model's file on as many instances as are asked for, each in a worker of its own or on a thread."""

import asyncio
import platform
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal, NamedTuple
from weakref import WeakSet

import msgspec

from headrace.batching.instance import Instance, on_thread
from headrace.batching.known_axes import may_be_known
from headrace.batching.lane_count import LaneCounts, instances_asked, lanes_asked
from headrace.clock import Clock
from headrace.devices.gives_way import GivesWay
from headrace.devices.inventory import cores, cpu_features
from headrace.errors import ModelInvalid, WorkerLost
from headrace.memory.budget import budget_bytes
from headrace.records import Recorder
from headrace.runtimes.load import Loading
from headrace.settings import Batching, Workers
from headrace.types import BatchAxis, Manifest, Signature
from headrace.work import Works
from headrace.workers.birth import Births
from headrace.workers.remote import ProcessInstance, Settings

SPREAD_BYTES = 512 << 20
"""Most that a worker takes before it holds its model twice, to spread the rows of batches over the cores."""

SPREAD_SHARE = 8
"""Where memory has a budget: so many such workers are within it."""

DIED = "its worker died when it was probed; batching = true trusts it"
DIED_PADDED = "its worker died when that was tried"


class Loaded(NamedTuple):
    """What runs a file, and what it takes and gives."""

    instances: list[Instance]
    signature: Signature

    @contextmanager
    def giving_way(self, gives_way: GivesWay) -> Iterator[None]:
        """Its processes, where it has some, do so for as long as the `with` lasts."""
        with ExitStack() as giving:
            for instance in self.instances:
                if isinstance(instance, ProcessInstance) and instance.pid is not None:
                    giving.enter_context(gives_way(instance.pid))
            yield


class FileInstances:
    """Loads files, by the settings that their manifests leave open."""

    def __init__(
        self,
        batching: Batching,
        workers: Workers,
        findings: Path | None,
        births: Births,
        record: Recorder,
        clock: Clock,
        works: Works,
        spread_bytes: int = SPREAD_BYTES,
    ) -> None:
        """`findings` is the folder of what loads find out, for later ones; None: nothing is kept. `spread_bytes` is
        most that a worker takes which may hold its model twice."""
        self._batching = batching
        self._workers = workers
        self._findings = findings
        self._lane_counts = LaneCounts(findings)
        self._births = births
        self._record = record
        self._clock = clock
        self._works = works
        self._spread_bytes = spread_bytes
        self._there: WeakSet[ProcessInstance] = WeakSet()

    async def load(self, manifest: Manifest, gives_way: GivesWay) -> Loaded:
        """The file on all of its instances; their processes give way while they load. Raises ModelInvalid or
        ModelUnavailable with the reason; then nothing is left of them."""
        if (manifest.isolation or self._workers.isolation) == "none":
            instance = await on_thread(self.loading(manifest), self._works)
            return Loaded([instance], instance.signature)
        if self._lanes(manifest) == "auto":
            manifest = await self._lane_counts.laid_out(manifest, _machine(manifest))
        first, signature = await self._first(manifest, gives_way)
        workers = [first]
        try:
            half_takes = first.half_takes if self._lanes(manifest) == "auto" else None
            if half_takes is not None:
                manifest = await self._lane_counts.found(manifest, _machine(manifest), half_takes)
            if half_takes is not None and self._lanes(manifest) == 2:
                halves = [self._worker(self._with(manifest, signature.batch), index) for index in range(2)]
                workers = [*halves, first]
                await asyncio.gather(*(worker.start(gives_way) for worker in halves))
                await workers.pop().close()
                return Loaded(list(workers), signature)
            for index in range(1, self.count(manifest)):
                workers.append(self._worker(self._with(manifest, signature.batch), index))
            await asyncio.gather(*(worker.start(gives_way) for worker in workers[1:]))
        except BaseException:
            await asyncio.gather(*(worker.close() for worker in workers))
            raise
        return Loaded(list(workers), signature)

    def loading(self, manifest: Manifest) -> Loading:
        """What one instance of it is told."""
        tolerance = manifest.batching.tolerance
        return Loading(
            manifest,
            threads_asked(manifest, self._batching, self._workers, int(cores())),
            manifest.batching.max_size or self._batching.max_size,
            self._batching.tolerance if tolerance is None else tolerance,
            spreads=self._is_spread(manifest),
            spread_bytes=0 if (manifest.batching.spread or self._batching.spread) == "off" else self._spread_bytes,
        )

    def count(self, manifest: Manifest) -> int:
        """How many instances it has."""
        return instances_asked(manifest, self._batching, self._workers, int(cores()))

    async def _first(self, manifest: Manifest, gives_way: GivesWay) -> tuple[ProcessInstance, Signature]:
        """The worker that finds out what the model is, if no earlier one has. Where it dies of that, one that relies
        on nothing that an earlier one found; then one that does not try to pad where nobody asked for it; then one
        that does not probe."""
        weigh = self._lanes(manifest) == "auto" and self._batching.sweep_s > 0
        asked = msgspec.structs.replace(self.loading(manifest), findings=self._findings, weigh=weigh)
        tries, asked = [asked], msgspec.structs.replace(asked, spreads=False)
        if self._findings is not None and may_be_known(manifest):
            tries.append(msgspec.structs.replace(asked, anew=True, weigh=False))
        if manifest.batching.pad is None:
            tries.append(msgspec.structs.replace(asked, anew=True, unpadded=DIED_PADDED))
        for each in (*tries, self._with(manifest, BatchAxis(False, why=DIED))):
            worker = self._worker(each, 0)
            try:
                return worker, await worker.start(gives_way)
            except WorkerLost as error:
                await worker.close()
                lost = error
            except BaseException:
                await worker.close()
                raise
        raise ModelInvalid(lost.message)

    def _with(self, manifest: Manifest, axis: BatchAxis) -> Loading:
        """Of which nothing is to be found out."""
        return msgspec.structs.replace(self.loading(manifest), axis=axis)

    def _worker(self, loading: Loading, index: int) -> ProcessInstance:
        asked = Settings(loading, index, self._workers.load_timeout_s, self._workers.run_limit_s)
        worker = ProcessInstance(asked, self._births, self._record, self._clock, self._works)
        self._there.add(worker)
        return worker

    def _is_spread(self, manifest: Manifest) -> bool:
        """Whether a version that is there was asked for enough to hold it twice."""
        return any(worker.spreads for worker in self._there if worker.file == (manifest.name, manifest.path.name))

    def _lanes(self, manifest: Manifest) -> Literal["auto", 1, 2]:
        return lanes_asked(manifest, self._batching, self._workers, int(cores()))


def threads_asked(manifest: Manifest, batching: Batching, workers: Workers, cores: int) -> int:
    """Of one instance: as many as are asked for, else its share of the cores."""
    share = max(1, cores // instances_asked(manifest, batching, workers, cores))
    return manifest.threads or workers.threads or share


def most_spread(budget: str) -> int:
    """Most that a worker takes which may hold its model twice, by a value of `memory.budget`."""
    whole = budget_bytes(budget)
    return SPREAD_BYTES if whole is None else min(SPREAD_BYTES, whole // SPREAD_SHARE)


def _machine(manifest: Manifest) -> tuple[object, ...]:
    """What a trial's outcome depends on beside the model's file."""
    return manifest.runtime, manifest.device, platform.machine(), cores(), cpu_features()
