"""The loop that makes what is served match what is wanted."""

import asyncio
import logging
from collections.abc import Collection, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec

from headrace.errors import Forbidden, HeadraceError, InvalidRequest, ModelInvalid, ModelNotFound
from headrace.models.changes import gone, standing
from headrace.models.control import control_of
from headrace.models.lifecycle import States
from headrace.models.making import Build, Making
from headrace.models.next_move import Load, Unload, next_move
from headrace.models.registry import Registry, Served
from headrace.models.residence import AT_START, FILES_CHANGED, Keeping, Residence
from headrace.models.routing import Routing
from headrace.models.state import State
from headrace.models.stays import stays_of
from headrace.models.steering import Steering
from headrace.models.turns import Plan, label_turn
from headrace.models.under_way import Tried, UnderWay
from headrace.models.wishes import loaded, rolled_back, unloaded
from headrace.repository.model_folder import is_lacking
from headrace.repository.repository import Catalog, LocalRepository, nothing_there
from headrace.repository.uploads import Uploads, check_number
from headrace.settings import Models
from headrace.types import ModelRef, VersionState, VersionStatus

log = logging.getLogger(__name__)

DEFAULTS = Models()
NOT_ASKED = 'not loaded: models.control is "explicit" and nobody asked for it'
UNWANTED = "no longer among the versions that are wanted"
FILES_GONE = "its files are gone"
NEXT_LOWER = "a version above it cannot be loaded"
UNLOADED = "a request unloaded it; a load request brings it back"


class Reconcile:
    """Loads and unloads versions, one move of a model at a time; the only writer of registry and states.

    It owns every Servable from its building to its closing. What is asked for and done, and cannot be kept for the next
    start, raises NotKept.
    """

    def __init__(
        self,
        repository: LocalRepository,
        registry: Registry,
        states: States,
        build: Build,
        models: Models = DEFAULTS,
        *,
        keeping: Keeping,
        drain_s: float = 30.0,
        state: State | None = None,
    ) -> None:
        """Raises SettingInvalid where settings of `models` do not go together."""
        self._repository = repository
        self._registry = registry
        self._states = states
        self._making = Making(repository, build, allow_signature_change=models.allow_signature_change)
        self._control = control_of(models)
        self._allows_uploads = models.uploads
        self._uploads = Uploads()
        self._under_way = UnderWay()
        self._routing = Routing(registry, state or State(None))
        self.residence = Residence(
            registry,
            states,
            self._making,
            self._routing,
            self._under_way,
            keeping,
            stays_of(models, keeping.may_wait, drain_s),
            self._fell,
        )
        self._steering = Steering(repository, registry, self._routing, self._making, self.residence.load, self._leave)
        self._sent: set[str] = set()  # served by what a load request sent along: files alone do not replace them
        self._refreshing: set[str] = set()  # names whose files are going to be looked at

    async def start(self) -> None:
        """Load what the settings, the repository and its version policies want; the index tells what cannot be."""
        catalog = await asyncio.to_thread(self._repository.scan)
        await self._routing.read()
        self._tell_broken(catalog)
        names = {manifest.name for manifest in catalog.manifests}
        first = names if self._control.first is None else self._control.first | self._routing.asked()
        for manifest in catalog.manifests:
            if self._routing.of(manifest.name).unloaded:
                self._states.put(manifest.name, manifest.version, "UNAVAILABLE", UNLOADED)
            elif manifest.name not in first:
                self._states.put(manifest.name, manifest.version, "UNAVAILABLE", NOT_ASKED)
        self._registry.expect(names.intersection(first))
        for name in first.difference(names, (broken.name for broken in catalog.broken)):
            self._states.put(
                name, None, "UNAVAILABLE", "models.load or a request named it, and the repository does not have it"
            )
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
        if files:
            self.check_uploads(len(files))
        await self._under_way.asked(name, partial(self._load_asked, name, config, files))
        self._routing.check_kept(name)

    def check_uploads(self, num_files: int = 1) -> None:
        """Raises Forbidden where load requests may not carry files, InvalidRequest where one may not carry so many."""
        if not self._allows_uploads:
            raise Forbidden("uploads are off; the setting models.uploads = true allows them", "parameters")
        check_number(num_files)

    async def roll_back(self, name: str) -> int:
        """Return to the version that stood for the model before; returns its number once it answers.

        Versions above it stay away until a load, or until a newer one comes. Raises ModelNotFound, InvalidRequest where
        there was none, ModelInvalid where it cannot be had, or Forbidden as `load`.
        """
        self._control.check_asked()
        await self._under_way.asked(name, partial(self._roll_back_asked, name))
        self._routing.check_kept(name)
        served = self._registry.get(ModelRef(name))
        return served.version.version

    async def label(self, name: str, label: str, version: int | None) -> None:
        """Have a label lead to a version, or with None take back what requests said of it; as `steer`."""
        await self.steer(name, label_turn(label, version))

    async def steer(self, name: str, plan: Plan, *, asked: bool = True) -> None:
        """Do to a model's labels and plans what is planned; the versions that needs are loaded first, and kept.

        Returns once requests are led so. Raises ModelNotFound, VersionNotFound, what the plan does, ModelInvalid where
        a version does not load or clients could not go on with it, or, where a client `asked`, Forbidden as `load`.
        """
        if asked:
            self._control.check_asked()
        await self._under_way.asked(name, partial(self._steering.steer, name, plan))
        if asked:
            self._routing.check_kept(name)

    async def unload(self, name: str, dependents: bool = False, wait: bool = True) -> None:
        """Take every version out of service and give its memory back; with `wait`, return once that is done.

        What runs is let finish. The model stays so until a load. Raises ModelNotFound, or Forbidden as `load`.
        `dependents` is Triton's word for the models of an ensemble; there are none here.
        """
        self._control.check_asked()
        if not self._states.of(name):
            raise ModelNotFound(f"model {name!r} is not in the repository")
        unloading = self._under_way.spawn(self._unload_asked(name))
        if wait:
            await asyncio.shield(unloading)
            self._routing.check_kept(name)

    async def pin(self, name: str, pinned: bool) -> None:
        """From now on the model stays in memory once it is there, whoever else wants room; or does so no longer.

        Raises ModelNotFound.
        """
        if not self._states.of(name):
            raise ModelNotFound(f"model {name!r} is not in the repository")
        async with self._under_way.lock(name):
            await self._routing.wish(name, msgspec.structs.replace(self._routing.of(name), pinned=pinned))
        self._routing.check_kept(name)

    async def know(self, ref: ModelRef) -> Served:
        """What answers for `ref`, once it is known what that takes and gives: one that never was in memory is loaded.

        Raises ModelNotFound, VersionNotFound, ModelUnavailable also where that takes longer than requests may wait, or
        as a load does.
        """
        return await self.residence.known(self._registry.get(ref))

    def refresh(self, name: str) -> None:
        """The model's files came, changed or went: follow them, after what is under way. Returns at once."""
        if name not in self._refreshing:
            self._refreshing.add(name)
            self._under_way.spawn(self._refresh(name))

    async def still(self) -> None:
        """Wait until nothing is loaded, drained or unloaded."""
        await self._under_way.still()

    async def close(self) -> None:
        """Take everything out of service at once; what still runs is answered with an error."""
        await self._under_way.end()
        await asyncio.gather(*(self.residence.close(name) for name in self._registry.names()))
        for name in self._uploads.names():
            self._uploads.discard(name)
        self._routing.close()

    def index(self) -> tuple[VersionStatus, ...]:
        """Every version known, by name and version, with its state and the reason."""
        return self._states.all()

    # ---- what is asked for, under the model's lock

    async def _start(self, name: str, catalog: Catalog) -> None:
        async with self._under_way.lock(name):
            if not self._routing.of(name).unloaded:
                with suppress(HeadraceError):  # the index tells
                    await self._move(name, catalog, {}, AT_START)
            self._registry.came(name)

    async def _load_asked(
        self, name: str, config: Mapping[str, Any] | None, files: Mapping[str, bytes] | None, tried: Tried
    ) -> None:
        try:
            repository = await asyncio.to_thread(self._uploads.place, name, files) if files else self._repository
            catalog = await asyncio.to_thread(repository.find, name, config)
            self._tell_broken(catalog)
            if not catalog.manifests:
                raise nothing_there(name, catalog)
            await self._routing.wish(name, loaded(self._routing.of(name), asked=self._control.first is not None))
            await self._move(name, catalog, None, "asked for", tried)
        finally:
            self._discard_uploads(name)
        (self._sent.add if config is not None or files else self._sent.discard)(name)

    async def _roll_back_asked(self, name: str, tried: Tried) -> None:
        catalog = await asyncio.to_thread(self._repository.find, name)
        manifests = {manifest.version: manifest for manifest in catalog.manifests}
        before, ready = self._routing.before(name), self._registry.versions(name)
        if running := self._routing.of(name).traffic.rollout:
            raise InvalidRequest(f"a rollout {running} runs; roll that back with DELETE", "model")
        if not before or not ready:
            raise InvalidRequest(f"model {name!r} was served by no other version before", "model")
        target = before[-1]
        if target not in ready:
            if target not in manifests:
                raise ModelInvalid(f"version {target}, which was served before, is no longer in the repository")
            await self.residence.load(manifests[target], "rolled back to")
        await self._routing.go_back(
            name, rolled_back(self._routing.of(name), target, {*manifests, *self._registry.versions(name)})
        )
        self._sent.discard(name)
        tried(None)
        await self._leave(name, catalog, f"rolled back to version {target}")

    async def _unload_asked(self, name: str) -> None:
        async with self._under_way.lock(name):
            await self._routing.wish(name, unloaded(self._routing.of(name)))
            for version in self._registry.versions(name):
                await self.residence.retire(name, version, "asked for")
            self._discard_uploads(name)

    async def _refresh(self, name: str) -> None:
        async with self._under_way.lock(name):
            self._refreshing.discard(name)
            try:
                catalog = await asyncio.to_thread(self._repository.look, name)
                found = await asyncio.to_thread(self._making.sources, catalog)
            except (HeadraceError, OSError) as error:
                log.warning("%s cannot be looked at: %s; it stays as it is", name, error)
                return
            there = [*found, *(status.version for status in catalog.broken)]
            if name in self._sent and there:
                log.info("the files of %s changed; what a load request sent along stays until the next load", name)
                return
            self._tell_broken(catalog)
            if found and not self._routing.of(name).unloaded:
                states = standing(self._registry.versions(name), self._making.tried(name, found), found)
                with suppress(HeadraceError):  # the index tells
                    await self._move(name, catalog, states, FILES_CHANGED)
            kept = self._routing.kept(name) if there else ()
            for version in gone(self._registry.versions(name), there):  # now that what takes its place is there
                if version in kept:
                    self._tell_kept(name, version)
                else:
                    await self.residence.retire(name, version, FILES_GONE)
            await self._forget(name, there)

    def _fell(self, name: str) -> None:
        """A version that slept cannot be woken: where nothing else answers for its model, the next lower one is to."""
        self._under_way.spawn(self._fall_back(name))

    async def _fall_back(self, name: str) -> None:
        async with self._under_way.lock(name):
            if not self._registry.versions(name) and not self._routing.of(name).unloaded:
                with suppress(HeadraceError):  # the index tells
                    catalog = await asyncio.to_thread(self._repository.find, name)
                    await self._move(name, catalog, dict.fromkeys(self._broken(name), "UNAVAILABLE"), NEXT_LOWER)

    # ---- moves

    async def _move(
        self,
        name: str,
        catalog: Catalog,
        states: dict[int, VersionState] | None,
        cause: str,
        tried: Tried = lambda error: None,
    ) -> None:
        """Move by move from where `states` begin to what is wanted; None loads all of it anew.

        `tried` is told before anything is unloaded. Where a version does not load, the policy is asked again without
        it. Raises the first reason why one did not.
        """
        manifests = {manifest.version: manifest for manifest in catalog.manifests if manifest.name == name}
        await self._routing.wish(
            name, msgspec.structs.replace(self._routing.of(name), filed=catalog.labels.get(name, {}))
        )
        versions, held = self._routing.wanted(name, catalog, self._broken(name).intersection(states or ()))
        if not versions and not held:
            raise nothing_there(name, catalog)  # a policy that no version meets takes nothing out of service
        if states is None:
            anew = {*versions, *held}.intersection(manifests)
            states = {version: "READY" for version in self._registry.versions(name) if version not in anew}
        failures: list[HeadraceError] = []
        while isinstance(move := next_move(states, versions, held, self._routing.foremost(name)), Load):
            try:
                await self.residence.load(manifests[move.version], cause, self._routing.stands_for(name, move.version))
                states[move.version] = "READY"
                await self._routing.reroute(name)
            except HeadraceError as error:
                states[move.version] = "UNAVAILABLE"
                failures.append(error)
                versions, held = self._routing.wanted(name, catalog, self._broken(name).intersection(states))
        tried(failures[0] if failures else None)
        await self._leave(name, catalog)
        if failures:
            raise failures[0]

    def _broken(self, name: str) -> set[int]:
        """The versions that do not count for a policy: they did not load, and none of them is there from before."""
        return self._making.broken(name).difference(self._registry.versions(name))

    async def _leave(self, name: str, catalog: Catalog, why: str = UNWANTED) -> None:
        """Unload what is wanted no longer."""
        there = {manifest.version for manifest in catalog.manifests} | {broken.version for broken in catalog.broken}
        versions, held = self._routing.wanted(name, catalog, self._broken(name))
        if not versions and not held:
            return  # a policy that no version meets takes nothing out of service
        ready = self._registry.versions(name)
        states: dict[int, VersionState] = dict.fromkeys((*versions, *held), "UNAVAILABLE")
        states |= dict.fromkeys(ready, "READY")
        while isinstance(move := next_move(states, versions, held), Unload):
            states[move.version] = "UNAVAILABLE"
            await self.residence.retire(name, move.version, why if move.version in there else FILES_GONE)

    # ---- the repository

    def _tell_broken(self, catalog: Catalog) -> None:
        for broken in catalog.broken:
            kept = broken.version is not None and self._registry.find(broken.name, broken.version) is not None
            if kept:  # once it is right again it is loaded anew, and so is what the index says
                self._making.forget(broken.name, broken.version or 0)
            reason = f"{broken.reason}; the version loaded before goes on" if kept else broken.reason
            awake = kept and self.residence.is_awake(broken.name, broken.version or 0)
            if awake and is_lacking(broken) and broken.version in self._routing.kept(broken.name):
                self._tell_kept(broken.name, broken.version)
                continue
            status = VersionStatus(broken.name, broken.version, "READY" if awake else "UNAVAILABLE", reason)
            self._tell(status)

    def _tell_kept(self, name: str, version: int) -> None:
        self._tell(VersionStatus(name, version, "READY", f"{FILES_GONE}; a label or a split keeps it"), FILES_GONE)

    def _tell(self, status: VersionStatus, goes_on: str = "") -> None:
        """Record a state, where it is news; of what `goes_on` as it was, why."""
        if self._states.get(status.name, status.version) != status:
            self._states.put(*msgspec.structs.astuple(status), cause=goes_on, goes_on=bool(goes_on))

    async def _forget(self, name: str, there: Collection[int | None]) -> None:
        """Out of the index goes what the repository no longer has."""
        if not there:
            await self._routing.forget(name)
        for status in self._states.of(name):
            if status.version not in there and self._registry.find(name, status.version or 0) is None:
                self._states.forget(name, status.version)
                self._making.forget(name, status.version or 0)

    def _discard_uploads(self, name: str) -> None:
        """Remove what was uploaded and no version is served from."""
        found = [self._registry.find(name, version) for version in self._registry.versions(name)]
        self._uploads.discard(name, [served.manifest.path for served in found if served])
