"""All that watches a server, brought together: who listens to its records, and what fronts and people ask of them."""

from pathlib import Path
from typing import Any

from starlette.routing import BaseRoute

from headrace.clock import Clock
from headrace.costs.costs import Costs
from headrace.gateway.gateway import Wanted
from headrace.observe.bus import Bus
from headrace.observe.events import Event, Events
from headrace.observe.log_output import LogOutput
from headrace.observe.logs import RecordLog
from headrace.observe.metrics import Metrics, Readings
from headrace.observe.statistics import Statistics
from headrace.observe.tally import TALLIED, Tally
from headrace.protocols.oip.front import Front
from headrace.records import DriftEvent, ModelEvent, ShedRecord, StepRecord, TrafficEvent, WorkerEvent
from headrace.settings import Config
from headrace.traffic.watch import Tap
from headrace.types import Request, Response
from headrace.watching.capturing import Capturing
from headrace.watching.changing import Changing
from headrace.watching.drifting import Drifting
from headrace.watching.ground import Ground
from headrace.watching.lately import Lately
from headrace.watching.part import Part
from headrace.watching.past import Past
from headrace.watching.profiled import Profiled
from headrace.watching.promising import Promising
from headrace.watching.pushed import Pushed
from headrace.watching.spending import Spending


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
        outlive the server may be kept, from `start` on; `output` is where requests have their lines.

        Raises SettingInvalid.
        """
        ground, epoch_ns = Ground(config, bus, clock, readings, folder), clock.epoch_ns
        ground.dropped.add("records", lambda: {"full": bus.dropped})
        self._bus = bus
        self._ground = ground
        self._samplers = ground.samplers
        tally = Tally()
        self._statistics = Statistics(tally, epoch_ns=epoch_ns)
        self._metrics = Metrics(tally, readings, sources=ground.sources, epoch_ns=epoch_ns)
        self._events = Events()
        bus.count(tally.count)
        bus.listen(tally, *TALLIED)
        bus.listen(RecordLog(), ModelEvent, WorkerEvent, TrafficEvent, ShedRecord, StepRecord, DriftEvent)
        bus.listen(self._events, ModelEvent, WorkerEvent, TrafficEvent)
        self._spending = Spending(ground)
        self._parts: tuple[Part, ...] = (
            Lately(ground, output),
            self._spending,
            Past(ground, tally),
            Promising(ground),
            Drifting(ground),
            Changing(ground),
            Capturing(ground),
            Profiled(ground),
            Pushed(ground, self._metrics),
        )

    @property
    def costs(self) -> Costs:
        """The books of who had the machine."""
        return self._spending.costs

    @property
    def wanted(self) -> Wanted | None:
        """What the gateway asks of each request: whether it is to be recorded whole; None where nobody wants any."""
        if len(self._samplers) == 1:
            return self._samplers[0].wants
        return self._wants if self._samplers else None

    def passes(self, model: str, requests: int) -> bool:
        """Whether none of a model's next requests, of which so many came at once, is to be recorded whole."""
        return len(self._samplers) == 1 and self._samplers[0].passes(model, requests)

    @property
    def tap(self) -> Tap | None:
        """Where the gateway has answers of language models go through, once their version is known."""
        return self._ground.tap

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
        return [route for part in self._parts for route in part.routes(front)]

    async def start(self) -> None:
        """Begin what goes on beside requests."""
        for part in self._parts:
            await part.start()

    async def drained(self) -> None:
        """Requests are over, and models still there: what is counted of each is told a last time."""
        for part in self._parts:
            await part.drained()

    async def close(self) -> None:
        """End that, and give away what is still held; the bus is flushed one last time."""
        self._bus.flush()
        for part in self._parts:
            await part.close()

    def _wants(self, request: Request, response: Response) -> bool:
        wanted = False
        for sampler in self._samplers:  # all are asked: each counts, and may want one in so many
            wanted |= sampler.wants(request, response)
        return wanted
