"""Requests that are kept with their answers, where somebody wants that."""

from collections.abc import Sequence

from starlette.routing import BaseRoute

from headrace.capture.capture import Capture
from headrace.capture.choice import Choice
from headrace.capture.redaction import Redaction, read_rules
from headrace.protocols.oip.front import Front
from headrace.protocols.watch.captures_routes import CapturesRoutes
from headrace.records import SampleRecord
from headrace.watching.ground import Ground
from headrace.watching.part import Part


class Capturing(Part):
    """Keeps nothing where `capture.ratio` is 0. Raises SettingInvalid."""

    def __init__(self, ground: Ground) -> None:
        settings = ground.config.capture
        redaction = Redaction(read_rules(settings.redact))
        self._capture: Capture | None = None
        if not settings.ratio:
            return
        models = frozenset(name for part in settings.models.split(",") if (name := part.strip()))
        choice, file = Choice(settings.ratio, models), ground.file("captures.db")
        self._capture = capture = Capture(
            choice, redaction, file, settings.max_bytes, ground.epoch_ns, ground.clock.now_ns
        )
        ground.samplers.append(capture.wants)
        ground.tap = capture.follow
        ground.bus.listen(capture, SampleRecord)
        ground.dropped.add("capture", lambda: capture.dropped)

    def routes(self, front: Front) -> Sequence[BaseRoute]:
        return CapturesRoutes(self._capture).routes() if self._capture else ()

    async def start(self) -> None:
        if self._capture:
            await self._capture.start()

    async def close(self) -> None:
        if self._capture:
            await self._capture.close()
