"""What models promise, what is left of their error budgets, and who is told where something is wrong."""

from collections.abc import Sequence

from starlette.routing import BaseRoute

from headrace.objectives.making import make_objectives
from headrace.objectives.objectives import Asked
from headrace.protocols.oip.front import Front
from headrace.protocols.watch.alerts_routes import AlertsRoutes
from headrace.protocols.watch.slo_routes import SloRoutes
from headrace.records import DriftEvent, GenerationRecord, ModelEvent, WorkerEvent
from headrace.watching.ground import Ground
from headrace.watching.part import Part


class Promising(Part):
    """Raises SettingInvalid where nobody could be told as the settings say."""

    def __init__(self, ground: Ground) -> None:
        readings, bus = ground.readings, ground.bus
        asked = Asked(readings.manifest, readings.index, readings.memory, ground.dropped.counts, bus.flush)
        self._objectives = make_objectives(ground.config, asked, ground.folder, ground.now_s)
        ground.dropped.add("alerts", self._objectives.dropped)
        ground.sources.append(self._objectives.lines)
        bus.count(self._objectives.count)
        bus.listen(self._objectives, GenerationRecord, ModelEvent, WorkerEvent, DriftEvent)

    def routes(self, front: Front) -> Sequence[BaseRoute]:
        told = self._objectives
        alerts = AlertsRoutes(told.told, told.silence, told.unsilence)
        return [*SloRoutes(told.slo, told.slos).routes(), *alerts.routes()]

    async def start(self) -> None:
        await self._objectives.start()

    async def close(self) -> None:
        await self._objectives.close()
