"""Where time goes: of the server's own threads, and of a model's operators."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from starlette.routing import BaseRoute

from headrace.devices.inventory import cores
from headrace.profiling.recent import Recent
from headrace.protocols.oip.front import Front
from headrace.protocols.watch.profile_routes import ProfileRoutes
from headrace.records import SampleRecord
from headrace.types import Manifest, ModelRef
from headrace.watching.ground import Ground
from headrace.watching.part import Part

if TYPE_CHECKING:
    from headrace.profiling.operators import Operators
    from headrace.profiling.profiling import Profiling


class Profiled(Part):
    """Does nothing but when it is asked, and remembers a few requests that others had recorded."""

    def __init__(self, ground: Ground) -> None:
        self._config = ground.config
        self._room = ground.readings.room
        self._recent = Recent()
        ground.bus.listen(self._recent, SampleRecord)

    def routes(self, front: Front) -> Sequence[BaseRoute]:
        async def operators(name: str, version: int | None, runs: int) -> Mapping[str, Any]:
            from headrace.profiling.operators import Wanted  # what a start does not need, here and below

            served = front.registry.get(ModelRef(name, version))
            return await self._operators.profile(Wanted(served.version, served.manifest, served.signature, runs))

        async def threads(seconds: float, as_page: bool) -> bytes:
            return await self._profiling.make(seconds, as_page)

        return ProfileRoutes(threads, operators).routes()

    @cached_property
    def _profiling(self) -> "Profiling":
        from headrace.profiling.profiling import Profiling

        return Profiling()

    @cached_property
    def _operators(self) -> "Operators":
        from headrace.file_instances import threads_asked
        from headrace.profiling.operators import Operators

        def threads(manifest: Manifest) -> int:
            return threads_asked(manifest, self._config.batching, self._config.workers, int(cores()))

        return Operators(self._room, threads, self._recent)
