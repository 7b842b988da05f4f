"""All that watches a server, brought together: who listens to its records, and what fronts and people ask of them."""

import asyncio
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.routing import BaseRoute

from headrace import __version__
from headrace.capture.capture import Capture
from headrace.capture.choice import Choice
from headrace.capture.redaction import Redaction, read_rules
from headrace.changes.changes import Changes
from headrace.changes.settings_changed import flat
from headrace.clock import Clock
from headrace.costs.costs import Costs
from headrace.costs.report import By
from headrace.dashboard.page import routes as dashboard_routes
from headrace.dashboard.view import Live, View, memory_of
from headrace.drift.model_drift import Watched
from headrace.drift.watch import DriftWatch
from headrace.gateway.gateway import Wanted
from headrace.history.history import Counted, History
from headrace.objectives.making import make_objectives
from headrace.objectives.objectives import Asked, Objectives
from headrace.observe.bus import Bus
from headrace.observe.dropped import Dropped
from headrace.observe.events import Event, Events
from headrace.observe.log_output import LogOutput
from headrace.observe.logs import RecordLog
from headrace.observe.measured import Measured
from headrace.observe.metrics import Metrics, Readings, Source
from headrace.observe.request_lines import RequestLines
from headrace.observe.requests import Requests
from headrace.observe.sift import Follower, Sift
from headrace.observe.slow import Slow
from headrace.observe.statistics import Statistics
from headrace.observe.tally import Tally
from headrace.profiling.profiling import Profiling
from headrace.protocols.oip.front import Front
from headrace.protocols.watch.alerts_routes import AlertsRoutes
from headrace.protocols.watch.captures_routes import CapturesRoutes
from headrace.protocols.watch.changes_routes import ChangesRoutes
from headrace.protocols.watch.costs_routes import CostsRoutes
from headrace.protocols.watch.dashboard_routes import DashboardRoutes
from headrace.protocols.watch.drift_routes import DriftRoutes
from headrace.protocols.watch.feedback_routes import FeedbackRoutes
from headrace.protocols.watch.log_routes import LogRoutes
from headrace.protocols.watch.profile_routes import ProfileRoutes
from headrace.protocols.watch.requests_routes import RequestsRoutes
from headrace.protocols.watch.slo_routes import SloRoutes
from headrace.protocols.watch.why_routes import WhyRoutes
from headrace.records import (
    BatchRecord,
    DriftEvent,
    GenerationRecord,
    ModelEvent,
    RequestRecord,
    SampleRecord,
    ShedRecord,
    StepRecord,
    TrafficEvent,
    WorkerEvent,
    WorkRecord,
)
from headrace.settings import Config
from headrace.tracing.tracing import tracing
from headrace.types import ModelVersion, Request, Response


class Observation:
    """Every listener of one server's bus. Whatever is read of it is up to date: the bus is flushed first."""

    def __init__(
        self,
        config: Config,
        bus: Bus,
        clock: Clock,
        readings: Readings,
        folder: Path | None = None,
        output: LogOutput | None = None,
    ) -> None:
        """`readings` are asked when a page is made, never before the server is whole; `folder` is where what is to
        outlive the server may be kept, from `start` on; `output` is where requests have their lines."""
        self._bus = bus
        self._samplers: list[Wanted] = []  # who wants to look into requests; each is asked of every request
        epoch_ns = time.time_ns() - clock.now_ns()
        tally = Tally()
        self._statistics = Statistics(tally, epoch_ns=epoch_ns)
        self.dropped = Dropped()  # who may leave something out adds how much it has
        self.dropped.add("records", lambda: {"full": bus.dropped})
        self._sources: list[Source] = [self.dropped.lines]  # of more metrics
        self._metrics = Metrics(tally, readings, sources=self._sources, epoch_ns=epoch_ns)
        self._measured = Measured(clock)
        self.costs = Costs(config.cost.per_hour, clock, epoch_ns)
        self._sources += [self._measured.lines, self.costs.lines]
        self._events = Events()
        self._requests = Requests(clock.now_ns, epoch_ns)
        self._output = output
        self._followers: list[Follower] = [self._requests.keep]  # of requests
        bus.listen(Sift(Slow(config.log.slow_ms), self._followers), RequestRecord, GenerationRecord)
        if output:
            self.dropped.add("log", lambda: output.writer.dropped)
            self._followers.append(RequestLines(output, config.log.max_per_s, clock.now_ns, epoch_ns).follow)
        self._tracing = tracing(config.trace, os.environ, clock, epoch_ns)
        if self._tracing:
            self._followers.append(self._tracing.follow)
            self.dropped.add("traces", self._tracing.dropped)
        bus.listen(tally)
        bus.listen(RecordLog(), ModelEvent, WorkerEvent, TrafficEvent, ShedRecord, StepRecord, DriftEvent)
        bus.listen(self._events, ModelEvent, WorkerEvent, TrafficEvent)
        bus.listen(self._measured, ModelEvent, WorkerEvent)
        bus.listen(self.costs, RequestRecord, BatchRecord, StepRecord, WorkRecord)
        self._changes: Changes | None = None
        if config.changes.enabled:
            changes = self._changes = Changes(clock, epoch_ns, flat(config, __version__), folder)
            self.dropped.add("changes", lambda: changes.log.dropped)
            bus.listen(changes.series, RequestRecord, BatchRecord, GenerationRecord, StepRecord)
            bus.listen(changes.events, ModelEvent, TrafficEvent, DriftEvent, WorkerEvent)
        self._now_s = lambda: (clock.now_ns() + epoch_ns) / 1e9
        self._readings = readings
        self._history = self._keep_history(config, tally, folder)
        self._objectives = self._hold_to_objectives(config, folder)
        self._capture = self._keep_captures(config, folder, epoch_ns)
        self.drift: DriftWatch | None = None
        if config.drift.enabled:
            self.drift = DriftWatch(config.drift, bus, clock, epoch_ns, folder / "drift" if folder else None)
            bus.listen(self.drift, SampleRecord, ModelEvent)
            bus.listen(self.drift.served, RequestRecord)
            self._samplers.append(self.drift.sampling.wants)
            self._sources.append(self.drift.lines)
            self.dropped.add("drift", self.drift.dropped)

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

    def told_costs(self, by: By) -> dict[str, Any]:
        """What each tenant, model or version cost."""
        self._bus.flush()
        return self.costs.told(by)

    def events(self, name: str) -> list[Event]:
        """What happened to a model, newest first."""
        self._bus.flush()
        return self._events.of(name)

    def routes(self, front: Front) -> list[BaseRoute]:
        """What HTTP is asked for of all this."""
        if self._tracing:
            self._tracing.asked(front.settings.trace.wanted)
        costs = CostsRoutes(self.told_costs).routes()
        return [
            *self._drifting(front),
            *costs,
            *(CapturesRoutes(self._capture).routes() if self._capture else []),
            *self._asked(),
            *self._promised(),
            *self._what_changed(front),
            *(self._dashboard(front) if self._history else []),
        ]

    async def start(self) -> None:
        """Begin what goes on beside requests."""
        if self._output:
            self._output.follow_signals()
        if self._tracing:
            self._tracing.start()
        self._measured.start()
        if self.drift:
            self.drift.start()
        if self._history:
            await self._history.start()
        if self._capture:
            await self._capture.start()
        await self._objectives.start()
        if self._changes:
            await self._changes.start()

    async def close(self) -> None:
        """End that, and give away what is still held; the bus is flushed one last time."""
        await self._measured.close()
        if self.drift:
            await self.drift.close()
        self._bus.flush()
        if self._tracing:
            await asyncio.to_thread(self._tracing.close)
        if self._history:
            await self._history.close()
        if self._capture:
            await self._capture.close()
        await self._objectives.close()
        if self._changes:
            await self._changes.close()

    def _what_changed(self, front: Front) -> list[BaseRoute]:
        """The log of changes, and what they did."""
        changes, registry = self._changes, front.registry
        if changes is None:
            return []

        def known(name: str) -> bool:
            return changes.knows(name) or any(status.name == name for status in front.repository.index())

        async def why(name: str, since_s: float) -> Mapping[str, Any]:
            self._bus.flush()
            return await changes.why(name, since_s)

        def told(model: str | None, since_s: float) -> list[dict[str, Any]]:
            self._bus.flush()
            return changes.told(model, since_s)

        def leads() -> dict[str, tuple[int, Mapping[str, int]]]:
            served = ((name, registry.default(name)) for name in registry.names())
            return {name: (each.version.version, registry.labels(name)) for name, each in served if each}

        changes.follow(leads)
        log = ChangesRoutes(told, changes.post, changes.now_s, known)
        return [*WhyRoutes(why, known).routes(), *log.routes()]

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

    def _keep_captures(self, config: Config, folder: Path | None, epoch_ns: int) -> Capture | None:
        """Requests that are kept with their answers; None where nobody wants that. Raises SettingInvalid."""
        settings = config.capture
        redaction = Redaction(read_rules(settings.redact))
        if not settings.ratio:
            return None
        models = frozenset(name for part in settings.models.split(",") if (name := part.strip()))
        file = folder / "captures.db" if folder else None
        capture = Capture(Choice(settings.ratio, models), redaction, file, settings.max_bytes, epoch_ns)
        self._samplers.append(capture.wants)
        self._bus.listen(capture, SampleRecord)
        self.dropped.add("capture", lambda: capture.dropped)
        return capture

    def _hold_to_objectives(self, config: Config, folder: Path | None) -> Objectives:
        """Count what models promise, and have somebody told where it is not kept."""
        readings, bus = self._readings, self._bus
        asked = Asked(readings.manifest, readings.index, readings.memory, self.dropped.counts, bus.flush)
        objectives = make_objectives(config, asked, folder, self._now_s)
        self.dropped.add("alerts", objectives.dropped)
        self._sources.append(objectives.lines)
        bus.listen(objectives, RequestRecord, GenerationRecord, ModelEvent, WorkerEvent, DriftEvent)
        return objectives

    def _promised(self) -> list[BaseRoute]:
        """What models promise, and who is told where it is not kept."""
        told = self._objectives
        alerts = AlertsRoutes(told.told, told.silence, told.unsilence)
        return [*SloRoutes(told.slo, told.slos).routes(), *alerts.routes()]

    def _asked(self) -> list[BaseRoute]:
        """What was asked lately."""

        def waterfall(id_: str) -> dict[str, Any] | None:
            self._bus.flush()
            return self._requests.waterfall(id_)

        def latest(model: str, slow: bool, limit: int) -> list[dict[str, Any]]:
            self._bus.flush()
            return self._requests.latest(model, slow, limit)

        return [
            *RequestsRoutes(waterfall, latest).routes(),
            *ProfileRoutes(Profiling().make).routes(),
            *(LogRoutes(self._output.levels, self._output.writer.tail).routes() if self._output else []),
        ]

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

    def _drifting(self, front: Front) -> list[BaseRoute]:
        """Whether what models are asked and answer is what it was, and what the right answers were."""
        drift = self.drift
        if drift is None:
            return []

        def describe(of: ModelVersion) -> Watched | None:
            served = front.registry.find(of.name, of.version)
            return None if served is None else Watched(served.signature, served.manifest.drift)

        def known(name: str) -> bool:
            return any(status.name == name for status in front.repository.index())

        drift.describe = describe
        return [*DriftRoutes(drift.tell, drift.forget, known).routes(), *FeedbackRoutes(drift.judge).routes()]

    def _wants(self, request: Request, response: Response) -> bool:
        wanted = False
        for wants in self._samplers:  # all are asked: each counts, and may want one in so many
            wanted |= wants(request, response)
        return wanted
