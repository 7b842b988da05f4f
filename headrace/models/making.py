"""Makes what answers for a version, from files that stay as they are, and true to what clients know."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Protocol

from headrace.errors import ModelInvalid
from headrace.models.changes import Source
from headrace.models.registry import Served
from headrace.models.rest import rest
from headrace.models.signature_change import signature_change
from headrace.repository.file_facts import Facts
from headrace.repository.repository import Catalog, LocalRepository
from headrace.servable import Servable, wholeness
from headrace.types import Manifest, ModelVersion, Signature


class Build(Protocol):
    """Loads a version and answers for it; where that is not urgent, it gives way meanwhile to what is answered."""

    def __call__(self, manifest: Manifest, *, urgent: bool) -> Awaitable[Servable]: ...


ALLOW = "allow_signature_change = true in model.toml, or the setting models.allow_signature_change, lets it in"


class Making:
    """Builds versions, and owns what each was last made from, whether that went well or not."""

    def __init__(self, repository: LocalRepository, build: Build, *, allow_signature_change: bool) -> None:
        self._repository = repository
        self._build = build
        self._allow_signature_change = allow_signature_change
        self._tried: dict[ModelVersion, Source] = {}
        self._broken: set[ModelVersion] = set()

    async def make(
        self,
        manifest: Manifest,
        stands_for: Served | None,
        facts: Facts | None = None,
        answers: Served | None = None,
    ) -> Servable:
        """What answers for the version. `stands_for` is what clients know, and would not be answered by any more;
        `facts` are what `note` has just found. Where something `answers` them meanwhile nothing hurries: then all of it
        is there, and not what can answer first, and what it relieves rests, if that ever does.

        Raises ModelInvalid, and what building raises; then nothing is left of it.
        """
        facts = facts or await self.note(manifest)
        servable = await self._build(manifest, urgent=answers is None)
        try:
            if answers and (wait := wholeness(servable)):
                await wait()
            if await asyncio.to_thread(self._repository.facts, manifest) != facts:
                self._tried.pop(manifest.id, None)
                raise ModelInvalid("its files changed while it was loaded; load it again once they are whole")
            self.check_signature(manifest, servable.signature, stands_for)
            if answers:
                await rest(answers.servable)
        except BaseException:
            await servable.close()
            raise
        return servable

    async def note(self, manifest: Manifest) -> Facts:
        """Look at the version's files, which count from now on as those that it was made from."""
        facts = await asyncio.to_thread(self._repository.facts, manifest)
        self._tried[manifest.id] = Source(manifest, facts)
        self._broken.discard(manifest.id)
        return facts

    def failed(self, version: ModelVersion) -> None:
        """It cannot be had from the files that were noted last."""
        self._broken.add(version)

    def broken(self, name: str) -> set[int]:
        """The versions of a model that could not be had when they were last tried, and were not forgotten since."""
        return {version.version for version in self._broken if version.name == name}

    def tried(self, name: str, versions: Iterable[int]) -> dict[int, Source]:
        """What these versions were last made from, those that were."""
        sources = ((version, self._tried.get(ModelVersion(name, version))) for version in versions)
        return {version: source for version, source in sources if source}

    def forget(self, name: str, version: int) -> None:
        """It is going to be made anew, whatever it is made from."""
        self._tried.pop(ModelVersion(name, version), None)
        self._broken.discard(ModelVersion(name, version))

    def sources(self, catalog: Catalog) -> dict[int, Source]:
        """What each version of a model would be made from now. Raises OSError."""
        return {each.version: Source(each, self._repository.facts(each)) for each in catalog.manifests}

    def check_signature(self, manifest: Manifest, signature: Signature, stands_for: Served | None) -> None:
        """Raises ModelInvalid where clients could not go on, and nobody said that they need not."""
        allowed = manifest.allow_signature_change
        if stands_for is None or (self._allow_signature_change if allowed is None else allowed):
            return
        if changes := signature_change(stands_for.signature, signature):
            served = f"version {stands_for.version.version}, which is served"
            raise ModelInvalid(f"clients of {served}, could not go on: {'; '.join(changes)}. {ALLOW}")
