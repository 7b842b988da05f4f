"""Where time goes: of the server's own threads, and of a model's operators."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.routing import BaseRoute

from headrace.devices.inventory import cores
from headrace.profiling.operators import Operators, Wanted
from headrace.profiling.profiling import Profiling
from headrace.profiling.recent import Recent
from headrace.protocols.oip.front import Front
from headrace.protocols.watch.profile_routes import ProfileRoutes
from headrace.records import SampleRecord
from headrace.types import Manifest, ModelRef
from headrace.watching.ground import Ground
from headrace.watching.part import Part


class Profiled(Part):
    """Does nothing but when it is asked, and remembers a few requests that others had recorded."""

    def __init__(self, ground: Ground) -> None:
        self._threads = ground.config.workers.threads
        recent = Recent()
        self._operators = Operators(ground.readings.room, self._threads_of, recent)
        ground.bus.listen(recent, SampleRecord)

    def routes(self, front: Front) -> Sequence[BaseRoute]:
        async def operators(name: str, version: int | None, runs: int) -> Mapping[str, Any]:
            served = front.registry.get(ModelRef(name, version))
            return await self._operators.profile(Wanted(served.version, served.manifest, served.signature, runs))

        return ProfileRoutes(Profiling().make, operators).routes()

    def _threads_of(self, manifest: Manifest) -> int:
        return manifest.threads or self._threads or max(1, int(cores()))
