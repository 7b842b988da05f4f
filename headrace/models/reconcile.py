"""The loop that makes what is served match what is wanted."""

import asyncio
import logging
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from headrace.errors import Forbidden, HeadraceError, InvalidRequest, ModelInvalid, ModelNotFound
from headrace.models.lifecycle import States
from headrace.models.registry import Registry, Served
from headrace.models.repository import Catalog, LocalRepository
from headrace.models.version_policy import Unload, next_move, wanted
from headrace.servable import Servable
from headrace.types import Manifest, VersionState, VersionStatus

log = logging.getLogger(__name__)

Build = Callable[[Manifest], Awaitable[Servable]]


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
        *,
        parallel: int = 2,
        drain_s: float = 30.0,
        uploads: bool = False,
    ) -> None:
        self._repository = repository
        self._registry = registry
        self._states = states
        self._build = build
        self._places = asyncio.Semaphore(parallel)  # loads under way
        self._drain_s = drain_s
        self._uploads = uploads
        self._moves: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()  # clients may ask for any name
        self._uploaded: dict[str, list[Path]] = {}

    async def start(self) -> None:
        """Load what the repository and its version policies want; what cannot be loaded is told by the index."""
        catalog = await asyncio.to_thread(self._repository.scan)
        self._tell_broken(catalog)
        names = {manifest.name for manifest in catalog.manifests}
        await asyncio.gather(*(self._start(name, catalog) for name in sorted(names)))

    async def load(
        self, name: str, config: Mapping[str, Any] | None = None, files: Mapping[str, bytes] | None = None
    ) -> None:
        """Load or reload the versions that the policy wants; returns once they are ready.

        `config` is a Triton model configuration that replaces the one in the folder; `files` (path under the
        model's folder -> content) stand in for the folder's own. Where a version cannot be loaded, what was served
        before goes on. Raises ModelNotFound, ModelInvalid with the reason, or Forbidden where uploads are off.
        """
        if files and not self._uploads:
            raise Forbidden("uploads are off; the setting models.uploads = true allows them", "parameters")
        async with self._move_of(name):
            try:
                repository = await asyncio.to_thread(self._place, name, files) if files else self._repository
                catalog = await asyncio.to_thread(repository.find, name, config)
                self._tell_broken(catalog)
                if not catalog.manifests:
                    raise self._nothing_there(name, catalog)
                await self._move(name, catalog)
            finally:
                self._discard_uploads(name)

    async def unload(self, name: str, dependents: bool = False) -> None:
        """Take every version out of service and give its memory back. Raises ModelNotFound.

        `dependents` is Triton's word for the models of an ensemble; there are none here.
        """
        async with self._move_of(name):
            if not self._states.of(name):
                raise ModelNotFound(f"model {name!r} is not in the repository")
            for version in self._registry.versions(name):
                await self._retire(name, version)
            self._discard_uploads(name)

    async def close(self) -> None:
        """Take everything out of service at once; what still runs is answered with an error."""
        await asyncio.gather(*(self._close(name) for name in self._registry.names()))
        for name in list(self._uploaded):
            self._discard_uploads(name)

    def index(self) -> tuple[VersionStatus, ...]:
        """Every version known, by name and version, with its state and the reason."""
        return self._states.all()

    # ---- moves, under the model's lock

    def _move_of(self, name: str) -> asyncio.Lock:
        """The lock of a model; it lives for as long as somebody holds it or waits for it."""
        return self._moves.setdefault(name, asyncio.Lock())

    async def _start(self, name: str, catalog: Catalog) -> None:
        async with self._move_of(name):
            with suppress(HeadraceError):  # the index tells
                await self._move(name, catalog)

    async def _move(self, name: str, catalog: Catalog) -> None:
        """Move by move to what is wanted. Raises the first reason why a version did not load."""
        manifests = {manifest.version: manifest for manifest in catalog.manifests if manifest.name == name}
        versions = wanted(catalog.policy[name], manifests)
        if not versions:
            raise self._nothing_there(name, catalog)  # a policy that no version meets takes nothing out of service
        unwanted = (version for version in self._registry.versions(name) if version not in versions)
        states: dict[int, VersionState] = dict.fromkeys(unwanted, "READY")  # those wanted are loaded anew
        failures: list[HeadraceError] = []
        while move := next_move(states, versions):
            version, states[move.version] = move.version, "UNAVAILABLE"
            if isinstance(move, Unload):
                await self._retire(name, version)
                continue
            try:
                await self._load(manifests[version])
                states[version] = "READY"
            except HeadraceError as error:
                failures.append(error)
        if failures:
            raise failures[0]

    async def _load(self, manifest: Manifest) -> None:
        name, version = manifest.name, manifest.version
        before = self._registry.find(name, version)
        if before is None:
            self._states.put(name, version, "LOADING")
        async with self._places:
            started = time.monotonic()
            try:
                servable = await self._build(manifest)
            except Exception as error:
                reason = str(error) if isinstance(error, HeadraceError) else f"{type(error).__name__}: {error}"
                if not isinstance(error, HeadraceError):
                    log.exception("%s cannot be loaded", manifest.id)  # of others the event of the state tells
                kept = "; the version loaded before goes on" if before else ""
                self._states.put(name, version, "READY" if before else "UNAVAILABLE", reason + kept)
                raise ModelInvalid(reason) from error
        self._registry.publish(Served(manifest.id, manifest, servable))
        warnings = "; ".join(servable.signature.warnings)
        self._states.put(name, version, "READY", warnings, seconds=time.monotonic() - started)
        if before:
            await self._end(before)

    async def _retire(self, name: str, version: int) -> None:
        served = self._registry.find(name, version)
        if served is None:
            return
        self._registry.withdraw(served.version)
        self._states.put(name, version, "UNLOADING")
        await self._end(served)
        self._states.put(name, version, "UNAVAILABLE", "unloaded")

    async def _end(self, served: Served) -> None:
        """Let it finish what it has, for a while, and give back what it holds."""
        try:
            await asyncio.wait_for(served.servable.drain(), self._drain_s)
        except TimeoutError:
            log.warning("%s did not finish within %g s and is closed", served.version, self._drain_s)
        await served.servable.close()

    async def _close(self, name: str) -> None:
        for version in self._registry.versions(name):
            served = self._registry.find(name, version)
            if served is not None:
                self._registry.withdraw(served.version)
                await served.servable.close()

    # ---- the repository

    def _tell_broken(self, catalog: Catalog) -> None:
        for broken in catalog.broken:
            if broken.version is None or self._registry.find(broken.name, broken.version) is None:
                self._states.put(broken.name, broken.version, "UNAVAILABLE", broken.reason)

    def _nothing_there(self, name: str, catalog: Catalog) -> HeadraceError:
        for broken in catalog.broken:
            if broken.name == name:
                version = f"version {broken.version}: " if catalog.manifests else ""
                return ModelInvalid(version + broken.reason)
        return ModelNotFound(f"model {name!r} is not in the repository")

    def _place(self, name: str, files: Mapping[str, bytes]) -> LocalRepository:
        """Uploaded files in a folder of their own, outside the repository."""
        root = Path(tempfile.mkdtemp(prefix="headrace-upload-")).resolve()
        self._uploaded.setdefault(name, []).append(root)
        for path, content in files.items():
            _write(root, name, path, content)
        return LocalRepository(root)

    def _discard_uploads(self, name: str) -> None:
        """Remove what was uploaded and no version is served from."""
        found = [self._registry.find(name, version) for version in self._registry.versions(name)]
        used = [served.manifest.path for served in found if served]
        for root in self._uploaded.pop(name, []):
            if any(path.is_relative_to(root) for path in used):
                self._uploaded.setdefault(name, []).append(root)
            else:
                shutil.rmtree(root, ignore_errors=True)


def _write(root: Path, name: str, path: str, content: bytes) -> None:
    """A file of the folder root/NAME. Raises Forbidden where it is not in there, InvalidRequest where it cannot be."""
    folder = root / name
    file = folder / path
    try:
        if folder.parent != root or not file.resolve().is_relative_to(folder):
            raise Forbidden(f"{path!r} leaves the model's folder", "parameters")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InvalidRequest(f"{path!r} cannot be written: {reason}", "parameters") from error
