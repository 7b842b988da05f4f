"""Equal requests that are under way together: those that wait, and which of them are computed. No clock, no model."""

from headrace.caching.fingerprint import Fingerprint
from headrace.clock import Timer
from headrace.servable import Cancel, Reply
from headrace.types import Request

Urgency = tuple[int, float]
"""A level, and when the answer must come; smaller is more urgent."""


class Waiter:
    """One request until it is answered or its caller leaves; what it holds of others is let go then."""

    __slots__ = (
        "came_ns",
        "done",
        "due_ns",
        "follows",
        "num_bytes",
        "reply",
        "request",
        "spent_ns",
        "timer",
        "withdraw",
    )

    def __init__(self, request: Request, reply: Reply, came_ns: int, due_ns: int | None) -> None:
        self.request = request
        self.reply = reply
        self.came_ns = came_ns
        self.due_ns = due_ns
        self.num_bytes = sum([len(tensor.data) for tensor in request.inputs])
        self.spent_ns = 0  # looking its answer up
        self.timer: Timer | None = None  # of its deadline, while another computes
        self.follows = False  # another is computed for it
        self.withdraw: Cancel | None = None  # while it is computed itself
        self.done = False

    @property
    def urgency(self) -> Urgency:
        return self.request.context.level, float("inf") if self.due_ns is None else self.due_ns


class Flight:
    """Those that wait for one answer. `computing` holds also those whose callers left while others wait on."""

    __slots__ = ("computing", "ended", "key", "starting", "waiting")

    def __init__(self, key: Fingerprint) -> None:
        self.key = key
        self.waiting: dict[Waiter, None] = {}  # in order of arrival
        self.computing: dict[Waiter, None] = {}
        self.starting = False  # the next to be computed is being chosen
        self.ended = False

    def outruns(self, waiter: Waiter) -> bool:
        """Whether its answer cannot wait for what is computed: that may be put off for longer than it may."""
        return all(waiter.urgency < other.urgency for other in self.computing)

    def most_urgent(self) -> Waiter:
        """Of those that wait, the first among equals."""
        return min(self.waiting, key=_urgency)


def _urgency(waiter: Waiter) -> Urgency:
    return waiter.urgency
