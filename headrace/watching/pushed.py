"""What Prometheus would read, sent to a collector, where somebody wants that."""

import asyncio
import os
from typing import TYPE_CHECKING

from headrace.observe.metrics import Metrics
from headrace.observe.slices import joined
from headrace.pushing.plan import plan
from headrace.watching.ground import Ground
from headrace.watching.part import Part

if TYPE_CHECKING:
    from headrace.pushing.pushing import Pushing


class Pushed(Part):
    """Pushes nothing where no collector is named. Raises SettingInvalid where metrics cannot be sent."""

    def __init__(self, ground: Ground, metrics: Metrics) -> None:
        self._bus = ground.bus
        self._metrics = metrics
        self._pushing: Pushing | None = None
        if decided := plan(ground.config.metrics, os.environ):
            from headrace.pushing.pushing import pushing  # what a server without a collector does not need

            self._pushing = pushing(decided, os.environ, asyncio.sleep, ground.now_ns)
            ground.dropped.add("metrics", self._pushing.dropped)

    async def start(self) -> None:
        if self._pushing:
            self._pushing.start(self._page)

    async def drained(self) -> None:
        if self._pushing:
            await self._pushing.drained()

    async def close(self) -> None:
        if self._pushing:
            await self._pushing.close()

    async def _page(self) -> bytes:
        self._bus.flush()
        return await joined(self._metrics.parts(exemplars=True))
