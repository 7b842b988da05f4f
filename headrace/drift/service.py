"""How one version serves: whether its answers take longer, or fail more often, than they did."""

from collections.abc import Iterator, Sequence

import numpy as np

from headrace.drift.alarms import Alarms, worst
from headrace.drift.comparison import Score
from headrace.drift.moving import Moving
from headrace.drift.side import Change
from headrace.records import RequestRecord

SLOWER = 0.405
"""How far the logarithm of latency must move: by half."""

MORE_ERRORS = 0.02
"""How far the share of requests that fail must move."""

CLIENTS = frozenset({"cancelled", "invalid_request", "context_length_exceeded", "deadline_exceeded", "rate_limited"})
"""Failures that say nothing of the version."""

FEATURES = ("latency", "error")

SERVICE = "service"
"""The side that they are of, beside inputs and outputs."""


class Service:
    """Takes the records of one version's requests."""

    def __init__(self, window: int) -> None:
        self.alarms = Alarms()
        self.scores: list[Score] = []  # of the last window
        self._latency = Moving("latency", SLOWER)
        self._errors = Moving("error", MORE_ERRORS)
        self._window = window
        self._count = 0
        self._began_ns = 0
        self._moved: list[Score] = []

    def add(self, records: Sequence[RequestRecord]) -> Iterator[Change]:
        """What changed by these requests."""
        if not self._count:
            self._began_ns = records[0].finished_ns
        took = [record.finished_ns - record.arrived_ns for record in records if not record.error]
        failed = [float(bool(record.error)) for record in records if record.error not in CLIENTS]
        self._moved += self._latency.add(np.log(np.maximum(took, 1000)))
        self._moved += self._errors.add(failed)
        self._count += len(records)
        if self._count >= self._window:
            self.scores, self._moved = self._moved, []
            self._count = 0
            begun, ended = self.alarms.window(worst(("reference", score) for score in self.scores))
            for crossings, begins in ((begun, True), (ended, False)):
                for crossing in crossings:
                    yield Change(begins, crossing, self._began_ns, records[-1].finished_ns)
