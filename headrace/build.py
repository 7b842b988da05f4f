"""Manifest -> Servable: the one place that knows every kind of model and where it runs."""

import asyncio

import msgspec

from headrace.batching.batched_model import BatchedModel
from headrace.batching.company import Company
from headrace.batching.deadline_policy import DeadlinePolicy
from headrace.batching.fixed_policy import FixedPolicy
from headrace.batching.instance import Instance, ThreadInstance
from headrace.batching.latency import Latency
from headrace.batching.policy import Limits, Policy
from headrace.batching.waiting import Waiting
from headrace.clock import Clock
from headrace.config import Batching, Llm, Workers
from headrace.devices.inventory import cores
from headrace.errors import HeadraceError, ModelInvalid, WorkerLost
from headrace.llm.engine_protocol import DraftFile, EngineLoading
from headrace.models.drafting import draft_path
from headrace.models.model_files import LANGUAGE
from headrace.models.repository import LocalRepository
from headrace.records import Recorder
from headrace.runtimes.load import Loading, load
from headrace.servable import Servable
from headrace.types import BatchAxis, Manifest, Signature
from headrace.workers import engine_remote
from headrace.workers.engine_remote import RemoteEngine
from headrace.workers.remote import ProcessInstance, Settings


class Build:
    """Makes what answers for a model version, by the settings that its manifest leaves open."""

    def __init__(
        self,
        batching: Batching,
        workers: Workers,
        llm: Llm,
        record: Recorder,
        clock: Clock,
        repository: LocalRepository,
    ) -> None:
        """`repository` is where a model finds another that it names."""
        self._repository = repository
        self._company = Company()
        self._batching = batching
        self._workers = workers
        self._llm = llm
        self._record = record
        self._clock = clock

    async def __call__(self, manifest: Manifest) -> Servable:
        """Load the version and answer for it. Raises ModelInvalid or ModelUnavailable with the reason."""
        if manifest.runtime in LANGUAGE:
            return await self._engine(manifest)
        if (manifest.isolation or self._workers.isolation) == "none":
            loaded = await asyncio.get_running_loop().run_in_executor(None, load, self._loading(manifest))
            instances: list[Instance] = [ThreadInstance(loaded.model, loaded.signature)]
            return self._model(manifest, loaded.signature, instances)
        first, signature = await self._first(manifest)
        workers = [first]
        try:
            for index in range(1, self._num_instances(manifest)):
                workers.append(self._worker(manifest, index, signature.batch))
            await asyncio.gather(*(worker.start() for worker in workers[1:]))
        except BaseException:
            await asyncio.gather(*(worker.close() for worker in workers))
            raise
        return self._model(manifest, signature, list(workers))

    async def _engine(self, manifest: Manifest) -> RemoteEngine:
        workers, batching = self._workers, self._batching
        said = msgspec.structs.asdict(manifest.llm)
        chosen = {key: value for key, value in said.items() if value is not None}
        llm = msgspec.structs.replace(self._llm, **chosen)
        threads = manifest.threads or workers.threads or max(1, int(cores()))
        limits = engine_remote.Limits(
            workers.load_timeout_s,
            workers.batch_timeout_s,
            manifest.batching.max_queue or batching.max_queue,
            batching.max_queue_bytes,
        )
        draft = await asyncio.to_thread(self._draft, manifest, llm)
        loading = EngineLoading(manifest, threads, llm, draft)
        engine = RemoteEngine(loading, limits, self._record, self._clock)
        try:
            await engine.start()
        except BaseException as error:
            await engine.close()
            if isinstance(error, WorkerLost):
                raise ModelInvalid(error.message) from error
            raise
        return engine

    def _draft(self, manifest: Manifest, llm: Llm) -> DraftFile | None:
        """What drafts for a model, or why there is nothing: whether that is a fault is known once the model is read."""
        if not llm.draft or llm.speculation not in ("auto", "draft"):
            return None
        where = "llm.draft"
        if manifest.llm.draft is not None:
            where = f"{manifest.provenance.get(where, 'model.toml')}: {where}"
        try:
            path = draft_path(llm.draft, manifest, self._repository)
        except HeadraceError as error:
            return DraftFile(where, fault=error.message)
        if path is None and manifest.llm.draft is not None:
            return DraftFile(
                where, fault=f"{llm.draft!r} is the model itself; name a smaller one of the same vocabulary"
            )
        return None if path is None else DraftFile(where, path)

    async def _first(self, manifest: Manifest) -> tuple[ProcessInstance, Signature]:
        """The worker that finds out what the model is. Where it dies of being probed, one that does not probe."""
        for axis in (None, BatchAxis(False, why="its worker died when it was probed; batching = true trusts it")):
            worker = self._worker(manifest, 0, axis)
            try:
                return worker, await worker.start()
            except WorkerLost as error:
                await worker.close()
                lost = error
            except BaseException:
                await worker.close()
                raise
        raise ModelInvalid(lost.message)

    def _worker(self, manifest: Manifest, index: int, axis: BatchAxis | None) -> ProcessInstance:
        loading = msgspec.structs.replace(self._loading(manifest), axis=axis)
        times = self._workers.load_timeout_s, self._workers.batch_timeout_s
        return ProcessInstance(Settings(loading, index, *times), self._record, self._clock)

    def _model(self, manifest: Manifest, signature: Signature, instances: list[Instance]) -> BatchedModel:
        policy = self._policy(manifest, self._limits(manifest, signature), len(instances))
        p99_ms = manifest.objective.p99_ms
        objective_ns = None if p99_ms is None else int(p99_ms * 1e6)
        return BatchedModel(manifest.id, signature, instances, policy, self._record, self._clock, objective_ns)

    def _policy(self, manifest: Manifest, limits: Limits, num_instances: int) -> Policy[Waiting]:
        """What decides on the batches of a model version."""
        chosen = manifest.batching.policy or self._batching.policy
        if chosen == "deadline":
            return DeadlinePolicy(limits, Latency(), self._company, {}, num_instances)
        if chosen == "none":
            limits = msgspec.structs.replace(limits, max_size=1, max_delay_ns=0)
        return FixedPolicy(limits)

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
            max_queue=asked.max_queue or otherwise.max_queue,
            max_queue_bytes=otherwise.max_queue_bytes,
        )

    def _num_instances(self, manifest: Manifest) -> int:
        return manifest.instances or self._workers.instances
