"""All that watches a server, brought together: who listens to its records, and what fronts and people ask of them."""

import time
from pathlib import Path
from typing import Any

from starlette.routing import BaseRoute

from headrace.clock import Clock
from headrace.dashboard.page import routes as dashboard_routes
from headrace.dashboard.view import Live, View, memory_of
from headrace.gateway.gateway import Wanted
from headrace.history.history import Counted, History
from headrace.observe.bus import Bus
from headrace.observe.cpu_times import CpuTimes
from headrace.observe.dropped import Dropped
from headrace.observe.events import Event, Events
from headrace.observe.logs import RecordLog
from headrace.observe.loop_lag import LoopLag
from headrace.observe.metrics import Metrics, Readings, Source
from headrace.observe.statistics import Statistics
from headrace.observe.tally import Tally
from headrace.protocols.oip.front import Front
from headrace.protocols.watch.dashboard_routes import DashboardRoutes
from headrace.settings import Config
from headrace.types import Request, Response


class Observation:
    """Every listener of one server's bus. Whatever is read of it is up to date: the bus is flushed first."""

    def __init__(self, config: Config, bus: Bus, clock: Clock, readings: Readings, folder: Path | None = None) -> None:
        """`readings` are asked when a page is made, never before the server is whole; `folder` is where what is to
        outlive the server may be kept, from `start` on."""
        self._bus = bus
        self._samplers: list[Wanted] = []  # who wants to look into requests; each is asked of every request
        epoch_ns = time.time_ns() - clock.now_ns()
        tally = Tally()
        self._statistics = Statistics(tally, epoch_ns=epoch_ns)
        self.dropped = Dropped()  # who may leave something out adds how much it has
        self.dropped.add("records", lambda: {"full": bus.dropped})
        self._sources: list[Source] = [self.dropped.lines]  # of more metrics
        self._metrics = Metrics(tally, readings, sources=self._sources, epoch_ns=epoch_ns)
        self._loop_lag, self._cpu_times = LoopLag(clock), CpuTimes(clock)
        self._sources += [self._loop_lag.lines, self._cpu_times.lines]
        self._events = Events()
        for listener in (tally, RecordLog(clock), self._events, self._cpu_times):
            bus.listen(listener)
        self._now_s = lambda: (clock.now_ns() + epoch_ns) / 1e9
        self._readings = readings
        self._history = self._keep_history(config, tally, folder)

    @property
    def wanted(self) -> Wanted | None:
        """What the gateway asks of each request: whether it is to be recorded whole; None where nobody wants any."""
        return self._wants if self._samplers else None

    def statistics(self, name: str | None, version: int | None) -> list[dict[str, Any]]:
        """Triton's `model_stats`, of a model and version or of all."""
        self._bus.flush()
        return self._statistics.report(name, version)

    async def page(self, accept: str = "") -> tuple[str, bytes]:
        """What Prometheus reads, in the format that its Accept header asks for, and what that is called."""
        self._bus.flush()
        return await self._metrics.page(accept)

    def events(self, name: str) -> list[Event]:
        """What happened to a model, newest first."""
        self._bus.flush()
        return self._events.of(name)

    def routes(self, front: Front) -> list[BaseRoute]:
        """What HTTP is asked for of all this."""
        return self._dashboard(front) if self._history else []

    async def start(self) -> None:
        """Begin what goes on beside requests."""
        self._loop_lag.start()
        self._cpu_times.start()
        if self._history:
            await self._history.start()

    async def close(self) -> None:
        """End that, and give away what is still held; the bus is flushed one last time."""
        self._loop_lag.close()
        self._cpu_times.close()
        self._bus.flush()
        if self._history:
            await self._history.close()

    def _keep_history(self, config: Config, tally: Tally, folder: Path | None) -> History | None:
        """What each version did; None where that is not wanted."""
        if not config.history.enabled:
            return None

        def look() -> Counted:
            self._bus.flush()
            queued = {version: backlog.queued for version, backlog in self._readings.backlogs()}
            return tally.versions, queued, memory_of(self._readings.memory())

        history = History(folder / "history.db" if folder else None, look, self._now_s)
        self.dropped.add("history", lambda: {"disk": history.lost})
        return history

    def _dashboard(self, front: Front) -> list[BaseRoute]:
        """The page, and what only it asks for."""
        assert self._history is not None
        readings, registry = self._readings, front.registry
        live = Live(
            front.repository.index,
            readings.backlogs,
            readings.memory,
            readings.shares,
            registry.labels,
            readings.in_flight,
        )
        view = View(self._history, live, self._now_s, front.server_name, front.server_version)
        return [*dashboard_routes(), *DashboardRoutes(view.rows, view.facts, view.lines).routes()]

    def _wants(self, request: Request, response: Response) -> bool:
        wanted = False
        for wants in self._samplers:  # all are asked: each counts, and may want one in so many
            wanted |= wants(request, response)
        return wanted
