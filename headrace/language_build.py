"""Manifest -> the engine that answers for a language model, by the settings that its manifest leaves open."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from headrace.clock import Clock
from headrace.devices.gives_way import GivesWay, at_once
from headrace.devices.inventory import cores
from headrace.errors import HeadraceError, ModelInvalid, WorkerLost
from headrace.llm.engine_protocol import DraftFile, EngineLoading
from headrace.llm.kv_memory import kv_memory_bytes, said_bytes
from headrace.records import Recorder
from headrace.repository.drafting import draft_path
from headrace.repository.file_facts import Facts
from headrace.repository.model_files import LANGUAGE
from headrace.repository.repository import LocalRepository
from headrace.runtimes.held_bytes import HELD_BYTES
from headrace.runtimes.second_room import most_second_bytes
from headrace.settings import Llm, Workers
from headrace.types import Manifest, ModelVersion
from headrace.weights.gguf import num_weights
from headrace.work import Works
from headrace.workers.birth import Births
from headrace.workers.engine_remote import Limits, RemoteEngine

Claim = Callable[[ModelVersion, Callable[[int], int]], int | None]
"""Has as much of what a memory budget leaves counted for a version as a function of that says; None: there is none."""


def unclaimed(version: ModelVersion, share: Callable[[int], int]) -> int | None:
    """Where nobody keeps a budget."""
    return None


@dataclass
class LanguageBuild:
    """What all engines of a server are made with."""

    workers: Workers
    llm: Llm
    weights: Mapping[str, float]  # of tenants
    repository: LocalRepository  # where a model finds another that drafts for it
    births: Births
    claim: Claim = unclaimed  # of memory, for what comes beside the files; set before the first load by who counts it

    def cache_bytes(self, manifest: Manifest) -> int:
        """What the version's key-value cache takes beside its files, where that is said in bytes; else 0."""
        if manifest.runtime not in LANGUAGE:
            return 0
        own = manifest.llm.kv_memory
        return said_bytes(self.llm.kv_memory if own is None else own) or 0

    def weights_bytes(self, manifest: Manifest, facts: Facts) -> int:
        """What its weights take as they are held, by the headers of its GGUF files, which are smaller; 0: not known.

        Reads for some hundredths of a second. A file is believed to have no more than one weight a bit.
        """
        found = 0
        with suppress(ModelInvalid):  # whoever loads it is going to say why
            for fact in facts:
                if fact.path.endswith(".gguf"):
                    found += min(num_weights(Path(fact.path)), 8 * fact.size)
        return int(found * HELD_BYTES[manifest.llm.precision or self.llm.precision])

    async def engine(
        self,
        manifest: Manifest,
        limits: Limits,
        record: Recorder,
        clock: Clock,
        works: Works | None = None,
        gives_way: GivesWay = at_once,
    ) -> RemoteEngine:
        """Load the version; its process `gives_way` meanwhile. Raises ModelInvalid or ModelUnavailable, with why."""
        said = msgspec.structs.asdict(manifest.llm)
        llm = msgspec.structs.replace(self.llm, **{key: value for key, value in said.items() if value is not None})
        threads = manifest.threads or self.workers.threads or max(1, int(cores()))
        draft = await asyncio.to_thread(self._draft, manifest, llm)
        most = None
        if said_bytes(llm.kv_memory) is None:  # else it was counted before, with the files
            most = self.claim(manifest.id, lambda left: kv_memory_bytes(llm.kv_memory, left))
        second = self.claim(manifest.id, most_second_bytes)  # the cache goes before
        loading = EngineLoading(manifest, threads, llm, draft, self.weights, most, second)
        engine = RemoteEngine(loading, limits, self.births, record, clock, works)
        try:
            await engine.start(gives_way)
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
            path = draft_path(llm.draft, manifest, self.repository)
        except HeadraceError as error:
            return DraftFile(where, fault=error.message)
        if path is None and manifest.llm.draft is not None:
            return DraftFile(
                where, fault=f"{llm.draft!r} is the model itself; name a smaller one of the same vocabulary"
            )
        return None if path is None else DraftFile(where, path)
