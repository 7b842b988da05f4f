"""Does to labels, splits and rollouts what is planned: first the versions that needs, then what is wished."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from headrace.errors import HeadraceError, InvalidRequest, VersionNotFound
from headrace.models.making import Making
from headrace.models.registry import Registry, Served
from headrace.models.routing import Routing
from headrace.models.turns import Now, Plan, Turn
from headrace.models.under_way import Tried
from headrace.models.wishes import standing_back
from headrace.repository.repository import Catalog, LocalRepository, nothing_there
from headrace.types import Manifest

log = logging.getLogger(__name__)


class Load(Protocol):
    """Makes a version and publishes it: a part of `models/reconcile.py`."""

    async def __call__(self, manifest: Manifest, cause: str, stands_for: Served | None = None) -> None: ...


Leave = Callable[[str, Catalog], Awaitable[None]]
"""Unloads what is wanted of a model no longer."""


class Steering:
    """Acts for the reconcile loop, under its lock of the model."""

    def __init__(
        self,
        repository: LocalRepository,
        registry: Registry,
        routing: Routing,
        making: Making,
        load: Load,
        leave: Leave,
    ) -> None:
        self._repository = repository
        self._registry = registry
        self._routing = routing
        self._making = making
        self._load = load
        self._leave = leave

    async def steer(self, name: str, plan: Plan, tried: Tried) -> None:
        """Do it; `tried` is told once requests are led so. Raises as `Reconcile.steer` does."""
        catalog, ready = await self._look(name), self._registry.versions(name)
        if isinstance(catalog, Catalog) and not catalog.manifests and not ready:
            raise nothing_there(name, catalog)
        manifests = {each.version: each for each in catalog.manifests} if isinstance(catalog, Catalog) else {}
        policy = catalog.policy.get(name) if isinstance(catalog, Catalog) else None
        now = Now(name, tuple(ready), tuple(sorted({*ready, *manifests})), policy)
        turn = plan(self._routing.of(name), now)
        if turn.needs and not isinstance(catalog, Catalog):
            raise catalog
        if isinstance(catalog, Catalog):
            await self._needed(name, turn, manifests, catalog)
        await self._routing.wish(name, turn.wishes)
        tried(None)
        if isinstance(catalog, Catalog):
            await self._leave(name, catalog)

    async def _needed(self, name: str, turn: Turn, manifests: dict[int, Manifest], catalog: Catalog) -> None:
        """Have all versions ready that it needs. Where one cannot be, all is as it was."""
        before = self._routing.of(name)
        new = turn.needs.keys() - self._registry.versions(name)
        if new and not turn.label:
            self._registry.wish(name, standing_back(before, new))
        try:
            for version in turn.needs:
                await self._ready_for(name, turn, version, manifests)
        except Exception:
            if new:
                await self._leave(name, catalog)
                self._registry.wish(name, before)
            raise

    async def _look(self, name: str) -> Catalog | Exception:
        """What the repository has of it. Going back must be possible where that cannot be read."""
        try:
            return await asyncio.to_thread(self._repository.look, name)
        except (HeadraceError, OSError) as error:
            log.warning("%s cannot be looked at: %s", name, error)
            return error

    async def _ready_for(self, name: str, turn: Turn, version: int, manifests: dict[int, Manifest]) -> None:
        """Load the version where it is not ready, and see that clients can go on with it."""
        where = turn.needs[version]
        if self._routing.of(name).unloaded:
            what, field = ("labels", "label") if turn.label else ("a split, a shadow or a rollout", where)
            raise InvalidRequest(f"model {name!r} was unloaded; load it before it is given {what}", field)
        stands = self._routing.leads(name, turn.label) if turn.label else self._registry.default(name)
        served = self._registry.find(name, version)
        if served:
            self._making.check_signature(served.manifest, served.signature, stands)
        elif version in manifests:
            await self._load(manifests[version], turn.cause, stands)
        else:
            there = ", ".join(map(str, manifests)) or "none"
            kind = VersionNotFound if turn.label else InvalidRequest
            raise kind(f"model {name!r} has no version {version} to load; there are: {there}", where)
        served = self._registry.find(name, version)
        if turn.compared and served and served.signature.language:
            what = "is a language model, whose texts cannot be compared: only tensors can"
            raise InvalidRequest(f"version {version} of {name!r} {what}", turn.compared)
