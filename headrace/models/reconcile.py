"""The loop that makes what is served match what is wanted."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from contextlib import suppress
from typing import Any
from weakref import WeakValueDictionary

import msgspec

from headrace.config import Models
from headrace.errors import Draining, Forbidden, HeadraceError, ModelInvalid, ModelNotFound
from headrace.models.changes import Source, gone, standing
from headrace.models.control import control_of
from headrace.models.lifecycle import States
from headrace.models.registry import Registry, Served
from headrace.models.repository import Catalog, LocalRepository
from headrace.models.uploads import Uploads
from headrace.models.version_policy import Latest, Unload, next_move, wanted
from headrace.servable import Servable
from headrace.types import Manifest, ModelVersion, VersionState, VersionStatus

log = logging.getLogger(__name__)

Build = Callable[[Manifest], Awaitable[Servable]]
Tried = Callable[[HeadraceError | None], None]
"""Told once every wanted version was tried, with the first reason why one did not load."""

DEFAULTS = Models()
NOT_ASKED = 'not loaded: models.control is "explicit" and nobody asked for it'


class Reconcile:
    """Loads and unloads versions, one move of a model at a time; the only writer of registry and states.

    It owns every Servable from its building to its closing.
    """

    def __init__(
        self,
        repository: LocalRepository,
        registry: Registry,
        states: States,
        build: Build,
        models: Models = DEFAULTS,
        *,
        drain_s: float = 30.0,
    ) -> None:
        """Raises SettingInvalid where settings of `models` do not go together."""
        self._repository = repository
        self._registry = registry
        self._states = states
        self._build = build
        self._control = control_of(models)
        self._places = asyncio.Semaphore(models.load_parallel)  # loads under way
        self._drain_s = drain_s
        self._allows_uploads = models.uploads
        self._uploads = Uploads()
        self._moves: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()  # clients may ask for any name
        self._tried: dict[ModelVersion, Source] = {}  # what each version was last made from, also where that failed
        self._unloaded: set[str] = set()  # by a request: files alone do not load them again
        self._sent: set[str] = set()  # served by what a load request sent along: files alone do not replace them
        self._refreshing: set[str] = set()  # names whose files are going to be looked at
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Load what the settings, the repository and its version policies want; the index tells what cannot be."""
        catalog = await asyncio.to_thread(self._repository.scan)
        self._tell_broken(catalog)
        names = {manifest.name for manifest in catalog.manifests}
        first = names if self._control.first is None else self._control.first
        for manifest in catalog.manifests:
            if manifest.name not in first:
                self._states.put(manifest.name, manifest.version, "UNAVAILABLE", NOT_ASKED)
        for name in first.difference(names, (broken.name for broken in catalog.broken)):
            self._states.put(name, None, "UNAVAILABLE", "models.load names it, and the repository does not have it")
        await asyncio.gather(*(self._start(name, catalog) for name in sorted(names.intersection(first))))

    async def load(
        self, name: str, config: Mapping[str, Any] | None = None, files: Mapping[str, bytes] | None = None
    ) -> None:
        """Load or reload the versions that the policy wants; returns once they are published.

        `config` is a Triton model configuration that replaces the one in the folder; `files` (path under the
        model's folder -> content) stand in for the folder's own. Where a version cannot be loaded, what was served
        before goes on. Raises ModelNotFound, ModelInvalid with the reason, or Forbidden where settings forbid it.
        """
        self._control.check_asked()
        if files and not self._allows_uploads:
            raise Forbidden("uploads are off; the setting models.uploads = true allows them", "parameters")
        tried: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._spawn(self._load_asked(name, config, files, tried))
        await tried

    async def unload(self, name: str, dependents: bool = False, wait: bool = True) -> None:
        """Take every version out of service and give its memory back; with `wait`, return once that is done.

        What runs is let finish. The model stays so until a load. Raises ModelNotFound, or Forbidden as `load`.
        `dependents` is Triton's word for the models of an ensemble; there are none here.
        """
        self._control.check_asked()
        if not self._states.of(name):
            raise ModelNotFound(f"model {name!r} is not in the repository")
        unloading = self._spawn(self._unload_asked(name))
        if wait:
            await asyncio.shield(unloading)

    def refresh(self, name: str) -> None:
        """The model's files came, changed or went: follow them, after what is under way. Returns at once."""
        if name not in self._refreshing:
            self._refreshing.add(name)
            self._spawn(self._refresh(name))

    async def still(self) -> None:
        """Wait until nothing is loaded, drained or unloaded."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """Take everything out of service at once; what still runs is answered with an error."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(self._close(name) for name in self._registry.names()))
        for name in self._uploads.names():
            self._uploads.discard(name)

    def index(self) -> tuple[VersionStatus, ...]:
        """Every version known, by name and version, with its state and the reason."""
        return self._states.all()

    # ---- what is asked for, under the model's lock

    def _spawn(self, doing: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(doing)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("a model could not be moved", exc_info=error)

    def _move_of(self, name: str) -> asyncio.Lock:
        """The lock of a model; it lives for as long as somebody holds it or waits for it."""
        return self._moves.setdefault(name, asyncio.Lock())

    async def _start(self, name: str, catalog: Catalog) -> None:
        async with self._move_of(name):
            with suppress(HeadraceError):  # the index tells
                await self._move(name, catalog, {}, "wanted at the start")

    async def _load_asked(
        self,
        name: str,
        config: Mapping[str, Any] | None,
        files: Mapping[str, bytes] | None,
        tried: "asyncio.Future[None]",
    ) -> None:
        def tell(error: Exception | None) -> None:
            if tried.done():
                return
            if error:
                tried.set_exception(error)
            else:
                tried.set_result(None)

        try:
            async with self._move_of(name):
                try:
                    repository = (
                        await asyncio.to_thread(self._uploads.place, name, files) if files else self._repository
                    )
                    catalog = await asyncio.to_thread(repository.find, name, config)
                    self._tell_broken(catalog)
                    if not catalog.manifests:
                        raise self._nothing_there(name, catalog)
                    self._unloaded.discard(name)
                    ready = self._unwanted(name, catalog)  # those wanted are loaded anew
                    await self._move(name, catalog, ready, "asked for", tell)
                finally:
                    self._discard_uploads(name)
                (self._sent.add if config is not None or files else self._sent.discard)(name)
        except Exception as error:
            if tried.done() and not isinstance(error, HeadraceError):
                raise
            tell(error)
        finally:
            tell(Draining("the server is shutting down"))

    async def _unload_asked(self, name: str) -> None:
        async with self._move_of(name):
            self._unloaded.add(name)
            for version in self._registry.versions(name):
                await self._retire(name, version, "asked for")
            self._discard_uploads(name)

    async def _refresh(self, name: str) -> None:
        async with self._move_of(name):
            self._refreshing.discard(name)
            try:
                catalog = await asyncio.to_thread(self._found, name)
                found = await asyncio.to_thread(self._sources, catalog)
            except (HeadraceError, OSError) as error:
                log.warning("%s cannot be looked at: %s; it stays as it is", name, error)
                return
            there = [*found, *(status.version for status in catalog.broken)]
            if name in self._sent and there:
                log.info("the files of %s changed; what a load request sent along stays until the next load", name)
                return
            for version in gone(self._registry.versions(name), there):
                await self._retire(name, version, "its files are gone")
            self._forget(name, there)
            self._tell_broken(catalog)
            if name in self._unloaded:
                if not there:
                    self._unloaded.discard(name)  # what comes under this name is another model
                return
            if found:
                tried = {
                    version: source for version in found if (source := self._tried.get(ModelVersion(name, version)))
                }
                states = standing(self._registry.versions(name), tried, found)
                with suppress(HeadraceError):  # the index tells
                    await self._move(name, catalog, states, "its files changed")

    # ---- moves

    def _unwanted(self, name: str, catalog: Catalog) -> dict[int, VersionState]:
        versions = wanted(catalog.policy[name], [manifest.version for manifest in catalog.manifests])
        return {version: "READY" for version in self._registry.versions(name) if version not in versions}

    async def _move(
        self,
        name: str,
        catalog: Catalog,
        states: dict[int, VersionState],
        cause: str,
        tried: Tried = lambda error: None,
    ) -> None:
        """Move by move from where `states` begin to what is wanted; `tried` is told before anything is unloaded.

        Raises the first reason why a version did not load.
        """
        manifests = {manifest.version: manifest for manifest in catalog.manifests if manifest.name == name}
        versions = wanted(catalog.policy[name], manifests)
        if not versions:
            raise self._nothing_there(name, catalog)  # a policy that no version meets takes nothing out of service
        failures: list[HeadraceError] = []
        while move := next_move(states, versions):
            if isinstance(move, Unload):
                tried(failures[0] if failures else None)
                states[move.version] = "UNAVAILABLE"
                await self._retire(name, move.version, "no longer among the versions that are wanted")
                continue
            try:
                await self._load(manifests[move.version], cause)
                states[move.version] = "READY"
            except HeadraceError as error:
                states[move.version] = "UNAVAILABLE"
                failures.append(error)
        tried(failures[0] if failures else None)
        if failures:
            raise failures[0]

    async def _load(self, manifest: Manifest, cause: str) -> None:
        """Make it, publish it by one assignment, and let what it replaces end. Raises ModelInvalid."""
        name, version = manifest.name, manifest.version
        before = self._registry.find(name, version)
        if before is None:
            self._states.put(name, version, "LOADING", cause=cause)
        async with self._places:
            started = time.monotonic()
            try:
                servable = await self._made(manifest)
            except Exception as error:
                reason = str(error) if isinstance(error, HeadraceError) else f"{type(error).__name__}: {error}"
                if not isinstance(error, HeadraceError):
                    log.exception("%s cannot be loaded", manifest.id)  # of others the event of the state tells
                kept = "; the version loaded before goes on" if before else ""
                self._states.put(name, version, "READY" if before else "UNAVAILABLE", reason + kept, cause=cause)
                raise ModelInvalid(reason) from error
        self._registry.publish(Served(manifest.id, manifest, servable))
        warnings = "; ".join(servable.signature.warnings)
        self._states.put(name, version, "READY", warnings, seconds=time.monotonic() - started, cause=cause)
        if before:
            self._spawn(self._end(before))

    async def _made(self, manifest: Manifest) -> Servable:
        """What answers for it, from files that did not change meanwhile."""
        facts = await asyncio.to_thread(self._repository.facts, manifest)
        self._tried[manifest.id] = Source(manifest, facts)
        servable = await self._build(manifest)
        if await asyncio.to_thread(self._repository.facts, manifest) == facts:
            return servable
        self._tried.pop(manifest.id, None)
        await servable.close()
        raise ModelInvalid("its files changed while it was loaded; load it again once they are whole")

    async def _retire(self, name: str, version: int, cause: str) -> None:
        served = self._registry.find(name, version)
        if served is None:
            return
        self._tried.pop(served.version, None)
        self._registry.withdraw(served.version)
        self._states.put(name, version, "UNLOADING", cause=cause)
        await self._end(served)
        self._states.put(name, version, "UNAVAILABLE", "unloaded", cause=cause)

    async def _end(self, served: Served) -> None:
        """Let it finish what it has, for a while, and give back what it holds."""
        try:
            await asyncio.wait_for(served.servable.drain(), self._drain_s)
        except TimeoutError:
            log.warning("%s did not finish within %g s and is closed", served.version, self._drain_s)
        finally:
            await served.servable.close()

    async def _close(self, name: str) -> None:
        for version in self._registry.versions(name):
            served = self._registry.find(name, version)
            if served is not None:
                self._registry.withdraw(served.version)
                await served.servable.close()

    # ---- the repository

    def _found(self, name: str) -> Catalog:
        """One model as it is now, also where it is gone."""
        try:
            return self._repository.find(name)
        except ModelNotFound:
            return Catalog((), (), {name: Latest()})

    def _sources(self, catalog: Catalog) -> dict[int, Source]:
        return {each.version: Source(each, self._repository.facts(each)) for each in catalog.manifests}

    def _tell_broken(self, catalog: Catalog) -> None:
        for broken in catalog.broken:
            kept = broken.version is not None and self._registry.find(broken.name, broken.version) is not None
            if kept:  # once it is right again it is loaded anew, and so is what the index says
                self._tried.pop(ModelVersion(broken.name, broken.version or 0), None)
            reason = f"{broken.reason}; the version loaded before goes on" if kept else broken.reason
            status = VersionStatus(broken.name, broken.version, "READY" if kept else "UNAVAILABLE", reason)
            if self._states.get(broken.name, broken.version) != status:
                self._states.put(*msgspec.structs.astuple(status))

    def _forget(self, name: str, there: Collection[int | None]) -> None:
        """Out of the index goes what the repository no longer has."""
        for status in self._states.of(name):
            if status.version not in there and self._registry.find(name, status.version or 0) is None:
                self._states.forget(name, status.version)
                self._tried.pop(ModelVersion(name, status.version or 0), None)

    def _nothing_there(self, name: str, catalog: Catalog) -> HeadraceError:
        for broken in catalog.broken:
            if broken.name == name:
                version = f"version {broken.version}: " if catalog.manifests else ""
                return ModelInvalid(version + broken.reason)
        return ModelNotFound(f"model {name!r} is not in the repository")

    def _discard_uploads(self, name: str) -> None:
        """Remove what was uploaded and no version is served from."""
        found = [self._registry.find(name, version) for version in self._registry.versions(name)]
        self._uploads.discard(name, [served.manifest.path for served in found if served])
