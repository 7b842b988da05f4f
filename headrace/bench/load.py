"""What a measurement asks for, as values: how much load, what counts as in time, how long."""

import msgspec

from headrace.arrivals import POISSON, Arrival, Gamma, Lengths
from headrace.bench.samples import Sample
from headrace.numerals import numeral


class Open(msgspec.Struct, frozen=True):
    """Requests come when they come, whatever became of the ones before."""

    rate: float  # a second

    @property
    def label(self) -> str:
        return f"{numeral(self.rate, 4)}/s"


class Closed(msgspec.Struct, frozen=True):
    """So many clients, each of which asks again once it is answered."""

    concurrency: int

    @property
    def label(self) -> str:
        return f"{self.concurrency} clients" if self.concurrency > 1 else "1 client"


Load = Open | Closed


class Objective(msgspec.Struct, frozen=True):
    """What an answer must keep to be in time; None asks for nothing."""

    latency_ms: float | None = None  # from the scheduled time to the last byte
    ttft_ms: float | None = None  # from the scheduled time to the first token
    tpot_ms: float | None = None  # after the first, for each token on the average

    @property
    def asks(self) -> bool:
        return (self.latency_ms, self.ttft_ms, self.tpot_ms) != (None, None, None)

    def met(self, sample: Sample) -> bool:
        """Whether an answered request was answered in time."""
        if self.latency_ms is not None and sample.latency_ms > self.latency_ms:
            return False
        if self.ttft_ms is not None and not sample.ttft_ms <= self.ttft_ms:
            return False
        return self.tpot_ms is None or not sample.tpot_ms > self.tpot_ms  # one token alone has no pace

    def __str__(self) -> str:
        named = (("", self.latency_ms), ("first token ", self.ttft_ms), ("each token ", self.tpot_ms))
        return ", ".join(f"{name}{value:g} ms" for name, value in named if value is not None) or "none"


class Plan(msgspec.Struct, frozen=True):
    """One measurement, all of it."""

    loads: tuple[Load, ...]
    objective: Objective = Objective()
    duration_s: float = 10.0
    warmup_s: float = 1.0
    timeout_s: float = 30.0
    process: Gamma = POISSON
    trace: tuple[Arrival, ...] = ()  # instead of a process
    lengths: Lengths | None = None
    rows: int = 1
    seed: int = 0
    attainment: float = 0.99  # the share to be answered in time, for the search
    precision: float = 0.05  # where the search ends: between the rate that held and the one that did not
    find_max: bool = False
    server_stats: bool = False
