"""What is known of each second of a model, as rows of numbers, and what of each second of the machine."""

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Seconds = NDArray[np.int64]

ROW_BUCKETS = 6
"""Of requests by their rows: 1, 2-3, 4-7, 8-15, 16-31, more."""

TENANTS = 8
"""That are told apart for one model; the last stands for all others."""

SAMPLES = 16
"""Latencies that are kept of each second."""


class Of(IntEnum):
    """Columns of a model's second. What was not seen is NaN; counts are 0 then."""

    COUNT = 0  # requests that were answered or refused
    CLIENT_ERRORS = 1  # the request was wrong
    SERVER_ERRORS = 2  # the model or the server failed
    LATE_ERRORS = 3  # refused or dropped for want of time, room or allowance
    MIDDLE = 4  # logarithm of the median latency in ns
    TAIL = 5  # of the latency that one in ten exceeds
    QUEUE = 6  # mean wait, ns
    COMPUTE = 7  # mean time of the run, ns
    ROWS = 8  # mean logarithm of a request's rows, to the base of 2
    BATCH = 9  # mean rows of a run
    BUSY = 10  # seconds that runs took, together
    RUNS = 11
    PROMPT = 12  # mean logarithm of tokens read
    ANSWER = 13  # of tokens written
    FIRST = 14  # index of the version that answered most; its requests, and the sum of their latencies' logarithms
    FIRST_COUNT = 15
    FIRST_LOG = 16
    SECOND = 17  # the same of the one after it
    SECOND_COUNT = 18
    SECOND_LOG = 19
    BUCKETS = 20  # looked-into requests by rows; the sums of their latencies' logarithms follow
    BUCKET_LOGS = 20 + ROW_BUCKETS
    TENANT = 20 + 2 * ROW_BUCKETS  # looked-into requests by tenant
    SAMPLE = 20 + 2 * ROW_BUCKETS + TENANTS


WIDTH = Of.SAMPLE + SAMPLES
CORE = Of.PROMPT + 0
"""Columns that are enough to say how another model fared."""


class Slots(msgspec.Struct, frozen=True):
    """Seconds of one model in which there was something to see, oldest first. `seconds` are Unix time."""

    seconds: Seconds
    rows: NDArray[np.float32]
    versions: Sequence[int] = ()  # by index
    tenants: Sequence[str] = ()  # by index

    def column(self, of: int) -> Numbers:
        return self.rows[:, of].astype(np.float64)

    def between(self, begin: float, end: float) -> "Slots":
        """Those from `begin` up to, without, `end`."""
        first, last = np.searchsorted(self.seconds, (begin, end))
        return self.only(slice(int(first), int(last)))

    def only(self, chosen: Any) -> "Slots":
        """By a slice or a mask."""
        return Slots(self.seconds[chosen], self.rows[chosen], self.versions, self.tenants)

    @property
    def errors(self) -> Numbers:
        """Requests that failed, each second."""
        failed: Numbers = self.rows[:, Of.CLIENT_ERRORS : Of.MIDDLE].sum(axis=1, dtype=np.float64)
        return failed

    @property
    def error_share(self) -> Numbers:
        return self.errors / np.maximum(self.column(Of.COUNT), 1)

    def latency_ms(self, quantile: float) -> float:
        """Of all samples; NaN where there is none."""
        samples = self.rows[:, Of.SAMPLE :]
        samples = samples[~np.isnan(samples)]
        return float(np.quantile(samples, quantile)) / 1e6 if len(samples) else float("nan")


def no_slots() -> Slots:
    return Slots(np.zeros(0, np.int64), np.zeros((0, WIDTH), np.float32))


class Machine(IntEnum):
    """Columns of the machine's second."""

    OTHERS = 0  # cores that other processes took
    STOLEN = 1  # cores that the hypervisor gave to others
    DISK = 2  # share of the time in which some program waited for disks
    MEMORY = 3  # for memory


MACHINE_WIDTH = len(Machine)
