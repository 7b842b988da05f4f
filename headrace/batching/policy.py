"""What a batching policy decides: who is let in, what runs next, what is given up. Pure: time comes in."""

from collections.abc import Sequence
from typing import Generic, Literal, Protocol

import msgspec

from headrace.batching.job import J, Job
from headrace.batching.queue import Queue

Reason = Literal["full", "deadline", "idle", "shape", "memory"]
"""Why a batch was closed. full: it has as many rows as a run may have. deadline: with more rows, or later, its most
urgent request would be late. shape: more waits, and its shape does not fit or would cost too much padding. memory: more
waits, and is too large. idle: it is all that waits, or as much as is worth a run, and an instance had nothing to do."""

MOST_AT_INSTANCE = 2  # batches: one that runs, one that is next


class Limits(msgspec.Struct, frozen=True):
    """How a model's requests may be joined and may wait."""

    max_size: int  # rows in one run
    max_delay_ns: int  # how long the first of a batch may wait for company while an instance is idle
    max_queue: int  # requests
    max_queue_bytes: int
    max_batch_bytes: int = 256 << 20  # of inputs
    packed: bool = False  # rows of several lengths lie one behind another in a run: each costs its own length


class Run(msgspec.Struct, Generic[J], frozen=True):
    """Close the batch now."""

    jobs: Sequence[J]
    reason: Reason
    rows: int
    length: int  # of the longest; where rows are packed, of their mean
    typical_ns: float = 0.0  # what it is predicted to take, and at most; 0 where nobody knows
    late_ns: float = 0.0
    company: bool = False  # others computed when it was closed

    @property
    def requests(self) -> int:
        """How many share it."""
        jobs = self.jobs
        return jobs[0].requests if len(jobs) == 1 else sum([job.requests for job in jobs])


class Wait(msgspec.Struct, frozen=True):
    """Leave it open, at most until then; None: until something else happens."""

    until_ns: int | None


class Refusal(msgspec.Struct, frozen=True):
    """Not let in."""

    reason: Literal["queue", "memory", "predicted"]
    retry_after_ns: float | None  # None: it would be late even alone, so that asking again is of no use
    predicted_ns: float | None = None  # from its arrival to its answer
    deadline_ns: float | None = None  # from its arrival


class GivenUp(msgspec.Struct, Generic[J], frozen=True):
    """A waiting request that cannot be answered in time any more, or is dropped so that others can."""

    job: J
    reason: Literal["late", "overload"]
    predicted_ns: float  # from its arrival to its answer, had it been run at once


class Policy(Protocol[J]):
    """Decides for one model version. Owns its queue, from which anything may be removed at any time."""

    queue: Queue[J]

    def admit(self, job: J, now_ns: int) -> Refusal | None:
        """Whether a newcomer may wait; nothing is changed."""
        ...

    def foresee(self, job: Job, now_ns: int) -> Refusal | None:
        """As `admit` for the least request that a caller can send, before it is known what it sends; only where it is
        refused does it count as an arrival."""
        ...

    def push(self, job: J, now_ns: int) -> None:
        """It waits."""
        ...

    def gives_up_ns(self) -> int | None:
        """When the first of what waits is to be given up if it still waits; None where that has no deadline."""
        ...

    def give_up(self, now_ns: int) -> Sequence[GivenUp[J]]:
        """Take out what need not be run any more."""
        ...

    def next(self, now_ns: int, running: int) -> Run[J] | Wait:
        """What the instance with least to do, which has `running` batches, does next; what is run is taken out.
        The queue is not empty."""
        ...

    def began(self, run: Run[J], now_ns: int) -> None:
        """The run was handed to an instance."""
        ...

    def ended(self, run: Run[J], now_ns: int) -> None:
        """It is done, whatever became of it; what is to be decided next waits for this."""
        ...

    def resize(self, max_size: int) -> None:
        """A run may have so many rows from now on."""
        ...

    def answered(self, run: Run[J], began_ns: int, ended_ns: int, now_ns: int) -> None:
        """It succeeded, and its answers have been handed on: the time to learn from it, when nobody waits for that."""
        ...
