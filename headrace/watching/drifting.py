"""Whether what models are asked, and what they answer, is still what it was; and what the right answers were."""

from collections.abc import Sequence

from starlette.routing import BaseRoute

from headrace.drift.model_drift import Watched
from headrace.drift.watch import DriftWatch
from headrace.protocols.oip.front import Front
from headrace.protocols.watch.drift_routes import DriftRoutes
from headrace.protocols.watch.feedback_routes import FeedbackRoutes
from headrace.records import ModelEvent, SampleRecord
from headrace.types import ModelVersion
from headrace.watching.ground import Ground
from headrace.watching.part import Part, known


class Drifting(Part):
    """Looks at nothing where `drift.enabled` is false."""

    def __init__(self, ground: Ground) -> None:
        self._drift: DriftWatch | None = None
        settings = ground.config.drift
        if not settings.enabled:
            return
        self._drift = drift = DriftWatch(settings, ground.bus, ground.clock, ground.epoch_ns, ground.file("drift"))
        ground.bus.listen(drift, SampleRecord, ModelEvent)
        ground.bus.count(drift.served)
        ground.samplers.append(drift.sampling)
        ground.sources.append(drift.lines)
        ground.dropped.add("drift", drift.dropped)

    def routes(self, front: Front) -> Sequence[BaseRoute]:
        drift = self._drift
        if drift is None:
            return ()

        def describe(of: ModelVersion) -> Watched | None:
            served = front.registry.find(of.name, of.version)
            return None if served is None else Watched(served.signature, served.manifest.drift)

        drift.describe = describe
        asked = DriftRoutes(drift.tell, drift.forget, lambda name: known(front, name))
        return [*asked.routes(), *FeedbackRoutes(drift.judge).routes()]

    async def start(self) -> None:
        if self._drift:
            self._drift.start()

    async def close(self) -> None:
        if self._drift:
            await self._drift.close()
