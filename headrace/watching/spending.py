"""Who had the machine and what that costs, and what the processes take of it."""

from collections.abc import Sequence
from typing import Any

from starlette.routing import BaseRoute

from headrace.costs.costs import Costs
from headrace.costs.report import By
from headrace.observe.measured import Measured
from headrace.protocols.oip.front import Front
from headrace.protocols.watch.costs_routes import CostsRoutes
from headrace.records import ModelEvent, StepRecord, WorkerEvent, WorkRecord
from headrace.watching.ground import Ground
from headrace.watching.part import Part


class Spending(Part):
    """Keeps books. `costs.device` is who has the machine now, for those that use it."""

    def __init__(self, ground: Ground) -> None:
        self.costs = Costs(ground.config.cost.per_hour, ground.clock, ground.epoch_ns)
        self._bus = bus = ground.bus
        self._measured = Measured(ground.clock)
        ground.sources += [self._measured.lines, self.costs.lines]
        bus.listen(self._measured, ModelEvent, WorkerEvent)
        bus.count(self.costs.count)
        bus.listen(self.costs, StepRecord, WorkRecord)

    def routes(self, front: Front) -> Sequence[BaseRoute]:
        return CostsRoutes(self._told).routes()

    async def start(self) -> None:
        self._measured.start()

    async def close(self) -> None:
        await self._measured.close()

    def _told(self, by: By) -> dict[str, Any]:
        self._bus.flush()
        return self.costs.told(by)
