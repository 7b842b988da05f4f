"""The result of a measurement, as values: what JSON, the table and the page are made of."""

from typing import Literal

import msgspec

from headrace.bench.phases import ServerPhases

NOT_MLPERF = "not an MLPerf result"


class Spread(msgspec.Struct, frozen=True):
    """A quantity's distribution; None where nothing was counted."""

    count: int
    mean: float | None
    p50: float | None
    p90: float | None
    p99: float | None
    p99_9: float | None
    max: float | None


class Outcomes(msgspec.Struct, frozen=True):
    """What became of what was sent; the first five together are all of it."""

    in_time: int
    late: int
    shed: int
    errors: int  # refused for other reasons, or broken off
    timeouts: int
    given_up: int = 0  # in flight when a step ended before its time


class Said(msgspec.Struct, frozen=True):
    """A status that refused requests, how often, and its words the first time."""

    count: int
    first: str


class Batches(msgspec.Struct, frozen=True):
    """Of the runs that answered, as the server told: in its headers, or in its statistics."""

    told_by: Literal["answers", "statistics"]
    sizes: dict[int, int]  # answers, or runs, by rows of the run
    reasons: dict[str, int]
    variants: dict[str, int] = {}
    queue_ms: Spread | None = None
    compute_ms: Spread | None = None


class Streams(msgspec.Struct, frozen=True):
    """Of streamed answers."""

    ttft_ms: Spread
    tpot_ms: Spread
    itl_ms: Spread  # every gap between two pieces
    max_itl_ms: Spread  # the longest gap of each answer
    tokens_per_s: float
    mean_prompt_tokens: float | None
    mean_output_tokens: float


class Moment(msgspec.Struct, frozen=True):
    """A slice of a step's time."""

    at_s: float
    sent: int
    answered: int
    shed: int
    failed: int
    p50_ms: float | None
    p99_ms: float | None


class Step(msgspec.Struct, frozen=True):
    """One load, measured. Rates are a second, shares are of one."""

    label: str
    rate: float | None
    concurrency: int | None
    duration_s: float
    sent: int
    offered: float
    throughput: float  # answers that came while the load lasted
    goodput: float  # answers in time, of requests of this step
    attainment: float  # the share answered in time
    goodput_tokens: float  # what those were long together, a second; 0 where lengths are not the load's
    long_attainment: float | None  # the share answered in time of the longest tenth; None where all are alike
    shed: float  # the share
    p50_ms: float | None
    p90_ms: float | None
    p99_ms: float | None
    p99_9_ms: float | None
    mean_ms: float | None
    max_ms: float | None
    client_cpu: float  # of one core
    send_lag_p99_ms: float | None
    outcomes: Outcomes
    refusal_ms: Spread
    rows_per_s: float
    said: dict[str, Said]
    batches: Batches | None
    streams: Streams | None
    server: ServerPhases | None
    cdf_ms: list[float]  # latency at evenly spaced shares from 0 to 1
    timeline: list[Moment]
    ended: str = ""  # why it ended before its time
    doubt: str = ""  # why the figures may be the client's and not the server's


class Found(msgspec.Struct, frozen=True):
    """The highest rate that kept the objective; None where even the lowest did not."""

    rate: float | None
    fails_at: float | None
    goodput: float | None
    attainment: float  # that was wanted
    tried: list[tuple[float, int, float]]  # rate, tries, share in time


class Report(msgspec.Struct, frozen=True):
    """A whole measurement."""

    url: str
    model: str
    protocol: str
    objective: str
    arrivals: str
    started: str  # ISO 8601
    version: str  # of headrace
    command: str
    duration_s: float
    seed: int
    steps: list[Step]
    knee: str | None = None  # the label of the step where throughput over latency is highest
    best: Found | None = None
    ended: str = ""
    machine: str = ""
    format: int = 1

    @property
    def answered(self) -> int:
        """How many requests of all steps were, in time or late."""
        return sum(each.outcomes.in_time + each.outcomes.late for each in self.steps)
