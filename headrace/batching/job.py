"""One request as batching sees it: how large, how urgent, whose. Knows no tensors and no reply."""

from typing import TypeVar

from headrace.batching.check import Key
from headrace.batching.length_class import class_of
from headrace.batching.work_ahead import FAR, NOWHERE, Bucket
from headrace.types import USUAL_LEVEL

NO_DEADLINE_NS = 10_000_000_000  # what has no deadline is ordered as if it had one this long after its arrival

Place = tuple[int, int, int]
"""Level, order within it, and number of arrival; smaller comes first."""


class Job:
    """A request from its arrival to its answer; owned by the batched model, or by a simulation."""

    __slots__ = (
        "arrived_ns",
        "bucket",
        "bundled",
        "cell",
        "cost_ns",
        "deadline_ns",
        "foreseen_ns",
        "key",
        "length",
        "length_class",
        "level",
        "num_bytes",
        "place",
        "predicted_ns",
        "queued",
        "queued_ns",
        "requests",
        "rows",
        "tenant",
    )

    def __init__(self, rows: int, length: int, key: Key, queued_ns: int) -> None:
        self.rows = rows
        self.requests = 1  # that it stands for
        self.bundled = False  # where it fails, each of them asks anew, for itself
        self.length_class = class_of(length)
        self.length = length  # along the padded axis; 0 where nothing is padded
        self.key = key
        self.queued_ns = queued_ns
        self.arrived_ns = queued_ns
        self.deadline_ns: int | None = None
        self.level = USUAL_LEVEL
        self.tenant = ""
        self.num_bytes = 0
        self.cost_ns = 0.0  # what it adds to the work that waits; set by the policy
        self.bucket: Bucket = FAR  # set by the policy
        self.cell = NOWHERE  # where its cost is counted while it waits; set by the queue
        self.foreseen_ns = 0.0  # that it might take, as predicted on arrival
        self.predicted_ns = 0  # when its answer was to come, as predicted on arrival; 0 where nobody predicted
        self.queued = False  # in the queue, neither taken nor removed
        self.place: Place = (0, 0, 0)  # in the queue

    @property
    def due_ns(self) -> int:
        """When its answer must come, or, without a deadline, when it is as urgent as one that has one."""
        return self.queued_ns + NO_DEADLINE_NS if self.deadline_ns is None else self.deadline_ns

    def keep_alone(self) -> None:
        """From now on share a run with nobody."""
        self.key = (self,)  # equal to itself only


J = TypeVar("J", bound=Job)
"""What waits: a request with its reply, or a simulated one."""
