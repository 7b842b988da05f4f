"""What was asked lately: requests that are found again, their lines and their traces."""

import asyncio
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from starlette.routing import BaseRoute

from headrace.observe.log_output import LogOutput
from headrace.observe.request_lines import RequestLines
from headrace.observe.requests import Requests
from headrace.observe.sift import Follower, Sift
from headrace.observe.slow import Slow
from headrace.protocols.oip.front import Front
from headrace.protocols.watch.log_routes import LogRoutes
from headrace.protocols.watch.requests_routes import RequestsRoutes
from headrace.tracing.plan import plan
from headrace.watching.ground import Ground
from headrace.watching.part import Part

if TYPE_CHECKING:
    from headrace.tracing.tracing import Tracing


class Lately(Part):
    """Follows every request. Raises SettingInvalid where traces cannot be sent."""

    def __init__(self, ground: Ground, output: LogOutput | None) -> None:
        """`output` is where requests have their lines."""
        self._bus = ground.bus
        self._output = output
        clock, epoch_ns, log = ground.clock, ground.epoch_ns, ground.config.log
        self._requests = Requests(clock.now_ns, epoch_ns)
        followers: list[Follower] = [self._requests.keep]
        if output:
            lines = RequestLines(output, log.max_per_s, log.max_notable_per_s, clock.now_ns, epoch_ns)
            followers.append(lines.follow)
            ground.dropped.add("log", lambda: {**output.writer.dropped, **lines.dropped})
        self._tracing: Tracing | None = None
        if decided := plan(ground.config.trace, os.environ):
            from headrace.tracing.tracing import tracing  # what a server without a collector does not need

            self._tracing = tracing(decided, os.environ, clock, epoch_ns)
            followers.append(self._tracing.follow)
            ground.dropped.add("traces", self._tracing.dropped)
        ground.bus.count(Sift(Slow(log.slow_ms), followers).count)

    def routes(self, front: Front) -> Sequence[BaseRoute]:
        if self._tracing:
            self._tracing.asked(front.settings.trace.wanted)
        log = LogRoutes(self._output.levels, self._output.writer.tail).routes() if self._output else ()
        requests = RequestsRoutes(self._waterfall, self._latest).routes()
        return [*requests, *log]

    async def start(self) -> None:
        if self._output:
            self._output.follow_signals()
        if self._tracing:
            self._tracing.start()

    async def close(self) -> None:
        if self._tracing:
            await asyncio.to_thread(self._tracing.close)

    def _waterfall(self, id_: str) -> dict[str, Any] | None:
        self._bus.flush()
        return self._requests.waterfall(id_)

    def _latest(self, model: str, slow: bool, limit: int) -> list[dict[str, Any]]:
        self._bus.flush()
        return self._requests.latest(model, slow, limit)
