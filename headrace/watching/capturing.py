"""Requests that are kept with their answers, where somebody wants that."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from starlette.routing import BaseRoute

from headrace.capture.redaction import Redaction, read_rules
from headrace.protocols.oip.front import Front
from headrace.protocols.watch import captures_off
from headrace.records import SampleRecord
from headrace.watching.ground import Ground
from headrace.watching.part import Part, known

if TYPE_CHECKING:
    from headrace.capture.capture import Capture


class Capturing(Part):
    """Keeps nothing where `capture.ratio` is 0. Raises SettingInvalid."""

    def __init__(self, ground: Ground) -> None:
        settings = ground.config.capture
        redaction = Redaction(read_rules(settings.redact))
        self._capture = capture = _capture(ground, redaction) if settings.ratio else None
        if capture is None:
            return
        ground.samplers.append(capture)
        ground.tap = capture.follow
        ground.bus.listen(capture, SampleRecord)
        ground.dropped.add("capture", lambda: capture.dropped)

    def routes(self, front: Front) -> Sequence[BaseRoute]:
        if self._capture is None:
            return captures_off.routes()
        from headrace.protocols.watch.captures_routes import CapturesRoutes

        return CapturesRoutes(self._capture, lambda name: known(front, name)).routes()

    async def start(self) -> None:
        if self._capture:
            await self._capture.start()

    async def close(self) -> None:
        if self._capture:
            await self._capture.close()


def _capture(ground: Ground, redaction: Redaction) -> "Capture":
    from headrace.capture.capture import Capture  # what most servers do not need
    from headrace.capture.choice import Choice

    settings = ground.config.capture
    models = frozenset(name for part in settings.models.split(",") if (name := part.strip()))
    choice, file = Choice(settings.ratio, models), ground.file("captures.db")
    return Capture(choice, redaction, file, settings.max_bytes, ground.epoch_ns, ground.clock.now_ns)
