"""What every part of watching stands on: a server's records, settings, clock and folder, and where its metrics go."""

from pathlib import Path
from typing import Protocol

from headrace.clock import Clock, unix_s
from headrace.observe.bus import Bus
from headrace.observe.dropped import Dropped
from headrace.observe.metrics import Readings, Source
from headrace.settings import Config
from headrace.traffic.watch import Tap
from headrace.types import Request, Response


class Sampler(Protocol):
    """Who wants to look into requests; asked of every request, so it does next to nothing."""

    def wants(self, request: Request, response: Response) -> bool:
        """As the gateway's `Wanted`."""
        ...

    def passes(self, model: str, requests: int) -> bool:
        """As the gateway's `Passes`."""
        ...


class Ground:
    """One server's. `readings` are asked when somebody looks, never before the server is whole."""

    def __init__(self, config: Config, bus: Bus, clock: Clock, readings: Readings, folder: Path | None) -> None:
        """`folder` is where what is to outlive the server may be kept, once it has started."""
        self.config = config
        self.bus = bus
        self.clock = clock
        self.epoch_ns = clock.epoch_ns
        self.readings = readings
        self.folder = folder
        self.dropped = Dropped()  # who may leave something out adds how much it has
        self.sources: list[Source] = [self.dropped.lines]  # of more metrics
        self.tap: Tap | None = None  # who wants to see how language models answer
        self.samplers: list[Sampler] = []

    def now_ns(self) -> int:
        """Unix time that does not jump while the server runs, in nanoseconds."""
        return self.clock.now_ns() + self.epoch_ns

    def now_s(self) -> float:
        """The same in seconds."""
        return unix_s(self.clock)

    def file(self, name: str) -> Path | None:
        """Of that name in the folder."""
        return self.folder / name if self.folder else None
