"""What every part of watching stands on: a server's records, settings, clock and folder, and where its metrics go."""

from pathlib import Path

from headrace.clock import Clock, unix_s
from headrace.gateway.gateway import Wanted
from headrace.observe.bus import Bus
from headrace.observe.dropped import Dropped
from headrace.observe.metrics import Readings, Source
from headrace.settings import Config
from headrace.traffic.watch import Tap


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
        self.samplers: list[Wanted] = []  # who wants to look into requests; each is asked of every request

    def now_ns(self) -> int:
        """Unix time that does not jump while the server runs, in nanoseconds."""
        return self.clock.now_ns() + self.epoch_ns

    def now_s(self) -> float:
        """The same in seconds."""
        return unix_s(self.clock)

    def file(self, name: str) -> Path | None:
        """Of that name in the folder."""
        return self.folder / name if self.folder else None
