"""The log of what changed, and why models got worse."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.routing import BaseRoute

from headrace import __version__
from headrace.changes.changes import Changes
from headrace.changes.noticing import Led
from headrace.changes.settings_changed import flat
from headrace.protocols.oip.front import Front
from headrace.protocols.watch.changes_routes import ChangesRoutes
from headrace.protocols.watch.why_routes import WhyRoutes
from headrace.records import DriftEvent, ModelEvent, StepRecord, TrafficEvent, WorkerEvent
from headrace.watching.ground import Ground
from headrace.watching.part import Part, known


class Changing(Part):
    """Keeps no log where `changes.enabled` is false."""

    def __init__(self, ground: Ground) -> None:
        self._bus = bus = ground.bus
        self._changes: Changes | None = None
        if not ground.config.changes.enabled:
            return
        settings = flat(ground.config, __version__)
        self._changes = changes = Changes(ground.clock, ground.epoch_ns, settings, ground.folder)
        ground.dropped.add("changes", lambda: changes.log.dropped)
        bus.count(changes.series.count)
        bus.listen(changes.series, StepRecord)
        bus.listen(changes.events, ModelEvent, TrafficEvent, DriftEvent, WorkerEvent)

    def routes(self, front: Front) -> Sequence[BaseRoute]:
        changes, registry = self._changes, front.registry
        if changes is None:
            return ()

        def is_known(name: str) -> bool:
            return changes.knows(name) or known(front, name)

        async def why(name: str, since_s: float) -> Mapping[str, Any]:
            self._bus.flush()
            return await changes.why(name, since_s)

        def told(model: str | None, since_s: float) -> list[dict[str, Any]]:
            self._bus.flush()
            return changes.told(model, since_s)

        def leads() -> dict[str, Led]:
            return {
                name: Led(
                    served.version.version,
                    registry.labels(name),
                    registry.labels_asked(name),
                    frozenset(registry.shares(name)),
                )
                for name in registry.names()
                if (served := registry.default(name)) and not registry.is_expected(name)
            }

        changes.follow(leads)
        log = ChangesRoutes(told, changes.post, changes.now_s, is_known)
        return [*WhyRoutes(why, is_known).routes(), *log.routes()]

    async def start(self) -> None:
        if self._changes:
            await self._changes.start()

    async def close(self) -> None:
        if self._changes:
            await self._changes.close()
