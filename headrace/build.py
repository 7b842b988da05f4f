"""Manifest -> Servable: the one place that knows every kind of model and where it runs."""

import asyncio
import logging
import platform
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from headrace.batching.batched_model import BatchedModel
from headrace.batching.company import Company
from headrace.batching.deadline_policy import DeadlinePolicy
from headrace.batching.fixed_policy import FixedPolicy
from headrace.batching.foresight import Foresight
from headrace.batching.instance import Instance, on_thread
from headrace.batching.joining_model import JoiningModel
from headrace.batching.known_axes import KnownAxes
from headrace.batching.known_times import Known, KnownTimes
from headrace.batching.lane import Lane, OwnLane, Place, Ranked
from headrace.batching.lane_count import LaneCounts, instances_asked, lanes_asked, with_lanes
from headrace.batching.latency_store import LatencyStore
from headrace.batching.laying import Laying, laid, may_be, spins
from headrace.batching.neighbours import Neighbours
from headrace.batching.policy import Limits
from headrace.batching.reachable import Fastest, fastest_run, out_of_reach, shortest_run_ns, too_slow
from headrace.batching.relaid_model import Made, RelaidModel
from headrace.batching.row_cost import RowCost
from headrace.batching.thread_need import fullness
from headrace.batching.varied_model import Choice, VariedModel
from headrace.batching.waiting import Waiting
from headrace.caching.cached_model import CachedModel, MayWait
from headrace.caching.response_cache import ResponseCache
from headrace.clock import Clock
from headrace.devices.inventory import cores, cpu_features
from headrace.devices.priority import Yielding
from headrace.errors import HeadraceError, ModelInvalid, WorkerLost
from headrace.language_build import LanguageBuild
from headrace.models.same_signature import differences
from headrace.records import Record, Recorder, WorkerEvent
from headrace.repository.model_files import LANGUAGE
from headrace.repository.repository import LocalRepository
from headrace.repository.variants import files_of
from headrace.runtimes.load import Loading
from headrace.servable import Servable
from headrace.settings import Config
from headrace.types import BatchAxis, Cache, Manifest, Signature
from headrace.work import Works
from headrace.workers import engine_remote
from headrace.workers.birth import Births, Spawning
from headrace.workers.engine_remote import RemoteEngine
from headrace.workers.remote import ProcessInstance, Settings

log = logging.getLogger(__name__)

DIED = "its worker died when it was probed; batching = true trusts it"
DIED_PADDED = "its worker died when that was tried"


def _unknown(rows: int, length: int) -> float:
    """What rows take where no times are known."""
    return 0.0


def _nothing() -> float:
    """What is asked for where nobody reckons it."""
    return 0.0


def _always(manifest: Manifest) -> bool:
    """A server tries every model that it loads."""
    return True


class Build:
    """Makes what answers for a model version, by the settings that its manifest leaves open."""

    def __init__(
        self,
        config: Config,
        record: Recorder,
        clock: Clock,
        repository: LocalRepository,
        cache: Path | None = None,
        is_tried: Callable[[Manifest], bool] = _always,
        births: Births | None = None,
        works: Works | None = None,
    ) -> None:
        """`repository` is where a model finds another that it names, `cache` where what runs take is kept; `is_tried`
        says which models are tried for that; `births` makes workers, else new interpreters; `works` notes loads."""
        self._works = works or Works(record, clock)
        self._is_tried = is_tried
        self._company = Company()
        self._lane = Lane()
        self._lane_counts = LaneCounts(cache)
        self._axes = KnownAxes(cache)
        self._yielding = Yielding()
        self._neighbours = Neighbours(self._yielding.set, clock)
        self.times = KnownTimes()
        self._foresight = Foresight(LatencyStore(cache), clock)
        self._batching = config.batching
        self._workers = config.workers
        self._births = births or Spawning()
        self._weights = {name: tenant.weight for name, tenant in config.tenants.items()}
        self.language = LanguageBuild(config.workers, config.llm, self._weights, repository, self._births)
        self._record = record
        self._clock = clock

    async def __call__(self, manifest: Manifest) -> Servable:
        """Load the version and answer for it. Raises ModelInvalid or ModelUnavailable with the reason."""
        servable = await self._computing(manifest)
        return self._cached(manifest, manifest.cache, servable) if manifest.cache else servable

    def _cached(self, manifest: Manifest, said: Cache, servable: Servable) -> CachedModel:
        limits = MayWait(self._max_queue(manifest), self._batching.max_queue_bytes, manifest.objective)
        cache = ResponseCache(said.max_bytes, None if said.ttl_s is None else int(said.ttl_s * 1e9))
        return CachedModel(servable, manifest.id, cache, limits, self._record, self._clock)

    async def _computing(self, manifest: Manifest) -> Servable:
        """What computes every answer."""
        if manifest.runtime in LANGUAGE:
            return await self._engine(manifest)
        if (manifest.isolation or self._workers.isolation) == "process" and self._lane_of(manifest) == "auto":
            return await self._beside_others(manifest)
        return (await self._files(manifest))[0]

    async def _beside_others(self, manifest: Manifest) -> Servable:
        """Laid out by the objectives of the models around it, for as long as it is there."""
        objective_ms, threads = manifest.objective.p99_ms, self._loading(manifest).threads
        fixed = manifest.variants or manifest.threads or self._workers.threads or self._num_instances(manifest) > 1

        async def make(laying: Laying) -> Made:
            model, own = await self._files(laid(manifest, threads, laying))
            unfit = too_slow(objective_ms, own.shortest_ns) if laying.halved and objective_ms else ""
            return Made(model, own.load, own.overdue_ns, unfit)

        model = RelaidModel(manifest.id, make)
        await self._neighbours.join(manifest.id, model, objective_ms, may_be(manifest, threads, fixed=bool(fixed)))
        return model

    async def _files(self, manifest: Manifest) -> tuple[Servable, "_Made"]:
        """What computes with the model's files, and its own file alone: that answers before the others are there."""
        files = files_of(manifest)
        if len(files) > 1:  # all at once on the same cores: what a second lane gives would be measured wrongly
            files = [(name, with_lanes(each, each.batching.lanes or 1)) for name, each in files]
        sweep_s = self._batching.sweep_s / len(files)
        (own,) = await self._made(files[:1], None, sweep_s)
        if len(files) == 1:
            self._tell_objective(manifest, [own])
            return own.model, own

        async def join() -> VariedModel:
            made = [own, *await self._made(files[1:], own.model.signature, sweep_s)]
            self._tell_objective(manifest, made)
            choices = [
                Choice(variant.name, variant.accuracy, each.model, each.cost_ns)
                for variant, each in zip(manifest.variants, made, strict=True)
            ]
            return VariedModel(manifest.id, choices, self._clock, objective=manifest.objective.p99_ms is not None)

        return JoiningModel(manifest.id, own.model, manifest.variants, join), own

    async def _made(
        self, files: Sequence[tuple[str, Manifest]], like: Signature | None, sweep_s: float
    ) -> list["_Made"]:
        """What computes with each of these files, all of which take and give what `like` says; where one cannot be had,
        nothing is left of any. Raises ModelInvalid, which names it."""
        loads = [asyncio.create_task(self._load(each)) for _, each in files]
        made: list[_Made] = []
        try:
            await asyncio.wait(loads)
            known = [_or_why_not(each, name) for each, (name, _) in zip(loads, files, strict=True)]
            for (name, _), each in zip(files, known, strict=True):
                if like is not None and (unlike := differences(like, each.signature)):
                    raise ModelInvalid(f"is no stand-in for the model: {'; '.join(unlike)}", f"variant {name!r}")
            for (name, file), found in zip(files, known, strict=True):
                made.append(await self._model(file, found, name, sweep_s))
        except BaseException:
            await asyncio.gather(*(each.model.close() for each in made), *map(_closed, loads[len(made) :]))
            raise
        return made

    async def _load(self, manifest: Manifest) -> "_Loaded":
        """A file on as many instances as are asked for, and what it takes and gives."""
        if (manifest.isolation or self._workers.isolation) == "none":
            instance = await on_thread(self._loading(manifest), self._works)
            return _Loaded([instance], instance.signature)
        if self._lanes(manifest) == "auto":
            manifest = await self._lane_counts.laid_out(manifest, self._machine(manifest))
        first, signature = await self._first(manifest)
        workers = [first]
        try:
            half_takes = first.half_takes if self._lanes(manifest) == "auto" else None
            if half_takes is not None:
                manifest = await self._lane_counts.found(manifest, self._machine(manifest), half_takes)
            if half_takes is not None and self._lanes(manifest) == 2:
                halves = [self._worker(manifest, index, signature.batch) for index in range(2)]
                workers = [*halves, first]
                await asyncio.gather(*(worker.start() for worker in halves))
                await workers.pop().close()
                return _Loaded(list(workers), signature)
            for index in range(1, self._num_instances(manifest)):
                workers.append(self._worker(manifest, index, signature.batch))
            await asyncio.gather(*(worker.start() for worker in workers[1:]))
        except BaseException:
            await asyncio.gather(*(worker.close() for worker in workers))
            raise
        return _Loaded(list(workers), signature)

    async def _engine(self, manifest: Manifest) -> RemoteEngine:
        limits = engine_remote.Limits(
            self._workers.load_timeout_s,
            self._workers.run_limit_s,
            self._max_queue(manifest),
            self._batching.max_queue_bytes,
        )
        return await self.language.engine(manifest, limits, self._record, self._clock, self._works)

    async def _first(self, manifest: Manifest) -> tuple[ProcessInstance, Signature]:
        """The worker that finds out what the model is, if no earlier one has. Where it dies of being probed, one that
        does not probe; between them, one that does not try to pad where nobody asked for it.
        """
        asked_of = self._loading(manifest)
        key = await self._axes.key_of(manifest, asked_of.max_size, asked_of.tolerance)
        known = await self._axes.of(key)
        worker, signature = await self._found(manifest, known)
        if known is None and signature.batch.why != DIED:
            await self._axes.keep(key, signature.batch)
        return worker, signature

    async def _found(self, manifest: Manifest, known: BatchAxis | None) -> tuple[ProcessInstance, Signature]:
        unpadded = msgspec.structs.replace(manifest, batching=msgspec.structs.replace(manifest.batching, pad=False))
        tries: list[tuple[Manifest, BatchAxis | None]] = [(manifest, known), (manifest, None)][known is None :]
        tries += [(unpadded, None)] if manifest.batching.pad is None else []
        for asked, axis in (*tries, (manifest, BatchAxis(False, why=DIED))):
            worker = self._worker(asked, 0, axis, weigh=axis is known)
            try:
                signature = await worker.start()
                if asked is unpadded and signature.batch.batched:
                    batch = msgspec.structs.replace(signature.batch, unpadded=DIED_PADDED)
                    signature = msgspec.structs.replace(signature, batch=batch)
                return worker, signature
            except WorkerLost as error:
                await worker.close()
                lost = error
            except BaseException:
                await worker.close()
                raise
        raise ModelInvalid(lost.message)

    def _worker(
        self, manifest: Manifest, index: int, axis: BatchAxis | None, *, weigh: bool = False
    ) -> ProcessInstance:
        weigh = weigh and self._lanes(manifest) == "auto" and self._batching.sweep_s > 0
        loading = msgspec.structs.replace(self._loading(manifest), axis=axis, weigh=weigh)
        asked = Settings(loading, index, self._workers.load_timeout_s, self._workers.run_limit_s)
        return ProcessInstance(asked, self._births, self._worker_told, self._clock, self._works)

    def _worker_told(self, event: Record) -> None:
        if isinstance(event, WorkerEvent) and event.what == "started":
            self._yielding.began(event.model, event.pid)
        self._record(event)

    async def _model(self, manifest: Manifest, loaded: "_Loaded", variant: str, sweep_s: float) -> "_Made":
        instances, signature = loaded
        limits = self._limits(manifest, signature)
        chosen = manifest.batching.policy or self._batching.policy
        place = self._place(manifest)

        def model(policy: Ranked[Waiting]) -> BatchedModel:
            asked = place.policy(policy, lambda: any(instance.ready for instance in instances))
            made = BatchedModel(
                manifest.id, signature, instances, asked, self._record, self._clock, manifest.objective, variant
            )
            made.runs_on(self._works.device)
            place.look = made.look_again
            made.on_close(place.leave)
            return made

        if chosen != "deadline":
            return _Made(model(_fixed(limits, alone=chosen == "none")))
        threads, machine = self._loading(manifest).threads, (platform.machine(), cores(), cpu_features())
        ran_as = manifest.device, threads, len(instances), *spins(manifest), *machine
        sparing = signature.batch.why == DIED or not self._is_tried(manifest)
        budget_s = 0.0 if sparing else sweep_s
        tried = self._works.doing(manifest.id, "probe")
        foreseen = await self._foresight.of(manifest.path, ran_as, instances[0], signature, budget_s, tried)
        policy: DeadlinePolicy[Waiting] = DeadlinePolicy(
            limits, foreseen.latency, self._company, self._weights, len(instances), place
        )
        made = model(policy)
        known = Known(foreseen.latency, limits.max_size, len(instances))
        self.times.add(manifest.id, variant, known)

        async def closed() -> None:
            self.times.remove(manifest.id, variant, known)
            await foreseen.close()

        made.on_close(closed)
        cost_ns = RowCost(foreseen.latency, limits.max_size, len(instances))
        fastest = fastest_run(variant, foreseen.latency, signature)
        shortest_ns = shortest_run_ns(foreseen.latency, signature)

        def load() -> float:
            now_ns = self._clock.now_ns()
            return fullness(policy.demand.load(now_ns), policy.demand.rate(now_ns), manifest.objective.p99_ms)

        def overdue_ns() -> float:
            return policy.overdue_ns(self._clock.now_ns())

        return _Made(made, cost_ns, fastest, shortest_ns, load, overdue_ns)

    def _tell_objective(self, manifest: Manifest, made: Sequence["_Made"]) -> None:
        """Where no file can hold it, the model says so; it is served all the same, and sheds what would be late."""
        p99_ms, fastest = manifest.objective.p99_ms, [each.fastest for each in made if each.fastest]
        if p99_ms is not None and (why := out_of_reach(p99_ms, fastest)):
            made[0].model.warn(why)

    def _place(self, manifest: Manifest) -> Place:
        """A lane of the model's own, or a seat on the one that is shared."""
        return self._lane.seat() if self._lane_of(manifest) == "shared" else OwnLane()

    def _lane_of(self, manifest: Manifest) -> Literal["auto", "own", "shared"]:
        return manifest.batching.lane or self._batching.lane

    def _loading(self, manifest: Manifest) -> Loading:
        tolerance = manifest.batching.tolerance
        return Loading(
            manifest,
            manifest.threads or self._workers.threads or max(1, int(cores()) // self._num_instances(manifest)),
            manifest.batching.max_size or self._batching.max_size,
            self._batching.tolerance if tolerance is None else tolerance,
        )

    def _limits(self, manifest: Manifest, signature: Signature) -> Limits:
        asked, otherwise = manifest.batching, self._batching
        delay_ms = otherwise.max_delay_ms if asked.max_delay_ms is None else asked.max_delay_ms
        return Limits(
            max_size=signature.batch.max_size if signature.batch.batched else 1,
            max_delay_ns=int(delay_ms * 1e6),
            max_queue=self._max_queue(manifest),
            max_queue_bytes=otherwise.max_queue_bytes,
        )

    def _max_queue(self, manifest: Manifest) -> int:
        return manifest.batching.max_queue or self._batching.max_queue

    def _num_instances(self, manifest: Manifest) -> int:
        return instances_asked(manifest, self._batching, self._workers, int(cores()))

    def _lanes(self, manifest: Manifest) -> Literal["auto", 1, 2]:
        return lanes_asked(manifest, self._batching, self._workers, int(cores()))

    def _machine(self, manifest: Manifest) -> tuple[object, ...]:
        """What a trial's outcome depends on beside the model's file."""
        return manifest.runtime, manifest.device, platform.machine(), cores(), cpu_features()


class _Loaded(NamedTuple):
    instances: list[Instance]
    signature: Signature


class _Made(NamedTuple):
    """What answers from one file, and what is known of its times."""

    model: BatchedModel
    cost_ns: Callable[[int, int], float] = _unknown
    fastest: Fastest | None = None
    shortest_ns: float = 0.0
    load: Callable[[], float] = _nothing
    overdue_ns: Callable[[], float] = _nothing


def _or_why_not(load: asyncio.Task[_Loaded], variant: str) -> _Loaded:
    """Raises why a file could not be loaded, and which variant it is."""
    try:
        return load.result()
    except HeadraceError as error:
        if not variant:
            raise
        raise ModelInvalid(str(error), f"variant {variant!r}") from error


async def _closed(load: asyncio.Task[_Loaded]) -> None:
    """Whatever became of it, nothing of it is left."""
    load.cancel()
    with suppress(BaseException):
        for instance in (await load).instances:
            await instance.close()


def _fixed(limits: Limits, alone: bool) -> FixedPolicy[Waiting]:
    """A policy that foresees nothing; `alone`: each request has a run of its own."""
    if alone:
        limits = msgspec.structs.replace(limits, max_size=1, max_delay_ns=0)
    return FixedPolicy(limits)
