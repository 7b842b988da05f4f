"""Manifest -> Servable: the one place that knows every kind of model and where it runs."""

import asyncio
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
from headrace.batching.joining_model import JoiningModel
from headrace.batching.known_times import Known, KnownTimes
from headrace.batching.lane import Lane, OwnLane, Place, Ranked
from headrace.batching.lane_count import with_lanes
from headrace.batching.latency_store import LatencyStore
from headrace.batching.laying import Laying, laid, may_be, spins
from headrace.batching.neighbours import Neighbours
from headrace.batching.parted_model import PartedModel
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
from headrace.devices.gives_way import GivesWay, at_once
from headrace.devices.inventory import cores, cpu_features
from headrace.devices.leaving import Leaving
from headrace.devices.patient_loads import PatientLoads
from headrace.devices.priority import Yielding
from headrace.errors import HeadraceError, ModelInvalid
from headrace.file_instances import DIED, FileInstances, Loaded, most_spread
from headrace.language_build import LanguageBuild
from headrace.models import sleeping
from headrace.models.same_signature import differences
from headrace.records import Record, Recorder, WorkerEvent
from headrace.repository.model_files import LANGUAGE
from headrace.repository.repository import LocalRepository
from headrace.repository.variants import files_of
from headrace.servable import Servable
from headrace.settings import Config
from headrace.types import Cache, Manifest, Signature
from headrace.work import Works
from headrace.workers import engine_remote
from headrace.workers.birth import Births, Spawning
from headrace.workers.engine_remote import RemoteEngine


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
        self._yielding = Yielding()
        self._patient = PatientLoads(self._yielding.run_as, clock)
        self.leaving = Leaving(self._yielding.run_as)
        self._neighbours = Neighbours(self._yielding.set, clock)
        self.times = KnownTimes()
        self._foresight = Foresight(LatencyStore(cache), clock)
        self._batching = config.batching
        self._workers = config.workers
        self._births = births or Spawning()
        self._weights = {name: tenant.weight for name, tenant in config.tenants.items()}
        self._instances = FileInstances(
            config.batching,
            config.workers,
            cache,
            self._births,
            self._worker_told,
            clock,
            self._works,
            most_spread(config.memory.budget),
        )
        self.language = LanguageBuild(config.workers, config.llm, self._weights, repository, self._births)
        self._record = record
        self._clock = clock

    async def __call__(self, manifest: Manifest, *, urgent: bool = True) -> Servable:
        """Load the version and answer for it; one that nobody waits for is not `urgent`, and gives way meanwhile to
        what is answered. Raises ModelInvalid or ModelUnavailable with the reason."""
        servable = await self._computing(manifest, at_once if urgent else self._patient)
        return self._cached(manifest, manifest.cache, servable) if manifest.cache else servable

    def _cached(self, manifest: Manifest, said: Cache, servable: Servable) -> CachedModel:
        limits = MayWait(self._max_queue(manifest), self._batching.max_queue_bytes, manifest.objective)
        cache = ResponseCache(said.max_bytes, None if said.ttl_s is None else int(said.ttl_s * 1e9))
        return CachedModel(servable, manifest.id, cache, limits, self._record, self._clock, manifest.variants)

    async def _computing(self, manifest: Manifest, gives_way: GivesWay) -> Servable:
        """What computes every answer."""
        if manifest.runtime in LANGUAGE:
            return await self._engine(manifest, gives_way)
        if (manifest.isolation or self._workers.isolation) == "process" and self._lane_of(manifest) == "auto":
            model = await self._beside_others(manifest, gives_way)
        else:
            model = (await self._files(manifest, gives_way))[0]
        return PartedModel(manifest.id, model, self._record, self._clock, manifest.objective)

    async def _beside_others(self, manifest: Manifest, gives_way: GivesWay) -> Servable:
        """Laid out by the objectives of the models around it, for as long as it is there."""
        objective_ms, threads = manifest.objective.p99_ms, self._instances.loading(manifest).threads
        fixed = manifest.variants or manifest.threads or self._workers.threads or self._instances.count(manifest) > 1

        async def make(laying: Laying, anew: bool) -> Made:
            model, own = await self._files(laid(manifest, threads, laying), self._patient if anew else gives_way)
            unfit = too_slow(objective_ms, own.shortest_ns) if laying.halved and objective_ms else ""
            return Made(model, own.load, own.overdue_ns, unfit)

        model = RelaidModel(manifest.id, make)
        await self._neighbours.join(manifest.id, model, objective_ms, may_be(manifest, threads, fixed=bool(fixed)))
        return model

    async def _files(self, manifest: Manifest, gives_way: GivesWay) -> tuple[Servable, "_Made"]:
        """What computes with the model's files, and its own file alone: that answers before the others are there."""
        files = files_of(manifest)
        if len(files) > 1:  # all at once on the same cores: what a second lane gives would be measured wrongly
            files = [(name, with_lanes(each, each.batching.lanes or 1)) for name, each in files]
        sweep_s = self._batching.sweep_s / len(files)
        (own,) = await self._made(files[:1], None, sweep_s, gives_way)
        if len(files) == 1:
            self._tell_objective(manifest, [own])
            return own.model, own

        async def join() -> VariedModel:
            made = [own, *await self._made(files[1:], own.model.signature, sweep_s, self._patient)]
            self._tell_objective(manifest, made)
            choices = [
                Choice(variant.name, variant.accuracy, each.model, each.cost_ns)
                for variant, each in zip(manifest.variants, made, strict=True)
            ]
            return VariedModel(manifest.id, choices, self._clock, objective=manifest.objective.p99_ms is not None)

        room = None
        if manifest.objective.p99_ms is None:  # else all would be late: they are told so at once
            room = sleeping.Sleeper(manifest.id, own.model.signature, _awake, sleeping.MayWait(), self._clock)
        return JoiningModel(manifest.id, own.model, manifest.variants, join, room), own

    async def _made(
        self, files: Sequence[tuple[str, Manifest]], like: Signature | None, sweep_s: float, gives_way: GivesWay
    ) -> list["_Made"]:
        """What computes with each of these files, all of which take and give what `like` says; where one cannot be had,
        nothing is left of any. Raises ModelInvalid, which names it."""
        loads = [asyncio.create_task(self._instances.load(each, gives_way)) for _, each in files]
        made: list[_Made] = []
        try:
            await asyncio.wait(loads)
            known = [_or_why_not(each, name) for each, (name, _) in zip(loads, files, strict=True)]
            for (name, _), each in zip(files, known, strict=True):
                if like is not None and (unlike := differences(like, each.signature)):
                    raise ModelInvalid(f"is no stand-in for the model: {'; '.join(unlike)}", f"variant {name!r}")
            for (name, file), found in zip(files, known, strict=True):
                made.append(await self._model(file, found, name, sweep_s, gives_way))
        except BaseException:
            await asyncio.gather(*(each.model.close() for each in made), *map(_closed, loads[len(made) :]))
            raise
        return made

    async def _engine(self, manifest: Manifest, gives_way: GivesWay) -> RemoteEngine:
        limits = engine_remote.Limits(
            self._workers.load_timeout_s,
            self._workers.run_limit_s,
            self._max_queue(manifest),
            self._batching.max_queue_bytes,
        )
        return await self.language.engine(manifest, limits, self._record, self._clock, self._works, gives_way)

    def _worker_told(self, event: Record) -> None:
        if isinstance(event, WorkerEvent) and event.what == "started":
            self._yielding.began(event.model, event.pid)
        self._record(event)

    async def _model(
        self, manifest: Manifest, loaded: Loaded, variant: str, sweep_s: float, gives_way: GivesWay
    ) -> "_Made":
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
        threads, machine = self._instances.loading(manifest).threads, (platform.machine(), cores(), cpu_features())
        ran_as = manifest.device, threads, len(instances), *spins(manifest), *machine
        sparing = signature.batch.why == DIED or not self._is_tried(manifest)
        budget_s = 0.0 if sparing else sweep_s
        tried = self._works.doing(manifest.id, "probe")
        whose = manifest.name, variant
        foreseen = await self._foresight.of(
            manifest.path, ran_as, instances[0], signature, budget_s, tried, whose, loaded.giving_way(gives_way)
        )
        policy: DeadlinePolicy[Waiting] = DeadlinePolicy(
            limits, foreseen.latency, self._company, self._weights, len(instances), place
        )
        made = model(policy)
        known = Known(foreseen.latency, limits.max_size, len(instances), limits.packed)
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

    def _limits(self, manifest: Manifest, signature: Signature) -> Limits:
        asked, otherwise = manifest.batching, self._batching
        delay_ms = otherwise.max_delay_ms if asked.max_delay_ms is None else asked.max_delay_ms
        return Limits(
            max_size=signature.batch.max_size if signature.batch.batched else 1,
            max_delay_ns=int(delay_ms * 1e6),
            max_queue=self._max_queue(manifest),
            max_queue_bytes=otherwise.max_queue_bytes,
            packed=signature.batch.pad is not None and signature.batch.pad.packed,
        )

    def _max_queue(self, manifest: Manifest) -> int:
        return manifest.batching.max_queue or self._batching.max_queue


class _Made(NamedTuple):
    """What answers from one file, and what is known of its times."""

    model: BatchedModel
    cost_ns: Callable[[int, int], float] = _unknown
    fastest: Fastest | None = None
    shortest_ns: float = 0.0
    load: Callable[[], float] = _nothing
    overdue_ns: Callable[[], float] = _nothing


def _awake(sleeper: sleeping.Sleeper) -> None:
    """What it waits for is under way already."""


def _or_why_not(load: asyncio.Task[Loaded], variant: str) -> Loaded:
    """Raises why a file could not be loaded, and which variant it is."""
    try:
        return load.result()
    except HeadraceError as error:
        if not variant:
            raise
        raise ModelInvalid(str(error), f"variant {variant!r}") from error


async def _closed(load: asyncio.Task[Loaded]) -> None:
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
