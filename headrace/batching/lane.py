"""A lane that several models share: one batch at a time, of whichever cannot wait.

A model's policy decides for its own requests as ever; it is only asked when it is the model's turn, as `lane_order.py`
has it. A model that has a lane of its own knows nothing of this.
"""

from collections.abc import Callable, Sequence
from typing import Generic, Protocol

from headrace.batching.job import J, Job
from headrace.batching.lane_order import INFINITE, Head, chosen, room_ns
from headrace.batching.policy import GivenUp, Policy, Refusal, Run, Wait
from headrace.batching.queue import Queue

FOR_EVER_NS = 1 << 62


class LaneShare(Protocol):
    """What a policy must know of the lane that its runs are made on."""

    def room_ns(self, now_ns: int) -> float:
        """How long a run that begins now may take for the sake of other models."""
        ...

    def busy_ns(self, now_ns: int) -> float:
        """Until what runs there is predicted to end."""
        ...


class Ranked(Policy[J], Protocol[J]):
    """A policy that can say how urgent its most urgent request is."""

    def head(self, now_ns: int) -> Head:
        """The queue is not empty."""
        ...


class Place(LaneShare, Protocol):
    """Where one model runs: a lane of its own, or a seat on one that it shares."""

    look: Callable[[], None]
    """Has the model look at its queue; set once there is a model."""

    def policy(self, policy: Ranked[J], ready: Callable[[], bool]) -> Policy[J]:
        """The model's policy as it is to be asked there; `ready` says whether an instance takes work."""
        ...

    async def leave(self) -> None:
        """The model is closed."""
        ...


class OwnLane:
    """Nobody else runs anything there."""

    def __init__(self) -> None:
        self.look: Callable[[], None] = _nothing

    def room_ns(self, now_ns: int) -> float:
        return INFINITE

    def busy_ns(self, now_ns: int) -> float:
        return 0.0

    def policy(self, policy: Ranked[J], ready: Callable[[], bool]) -> Policy[J]:
        return policy

    async def leave(self) -> None:
        self.look = _nothing


class Lane:
    """Owns the seats of the models on it, and who runs."""

    def __init__(self) -> None:
        self._seats: list[Seat] = []
        self._runs: dict[int, float] = {}  # under way, one at most unless models came to it while it was busy

    def seat(self) -> "Seat":
        """A place for one more model."""
        seat = Seat(self)
        self._seats.append(seat)
        return seat

    def leave(self, seat: "Seat") -> None:
        self._seats.remove(seat)

    @property
    def busy(self) -> bool:
        return bool(self._runs)

    def busy_ns(self, now_ns: int) -> float:
        return max(0.0, max(self._runs.values(), default=0.0) - now_ns)

    def began(self, run: int, ends_ns: float) -> None:
        self._runs[run] = ends_ns

    def ended(self, run: int) -> None:
        self._runs.pop(run, None)

    def turn(self, now_ns: int) -> "Seat | None":
        """Whose turn it is; None where nobody has anything to run."""
        seats, heads = self._ready(now_ns)
        return seats[chosen(heads, now_ns)] if seats else None

    def room_ns(self, seat: "Seat", now_ns: int) -> float:
        seats, heads = self._ready(now_ns)
        return room_ns(heads, seats.index(seat), now_ns) if seat in seats else INFINITE

    def _ready(self, now_ns: int) -> "tuple[list[Seat], list[Head]]":
        found = [(seat, seat.head(now_ns)) for seat in self._seats]
        return [seat for seat, head in found if head], [head for _, head in found if head]


class Seat:
    """The place of one model on a lane that it shares."""

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.head: Callable[[int], Head | None] = _none
        self.look: Callable[[], None] = _nothing  # at the queue: it may be its turn

    def room_ns(self, now_ns: int) -> float:
        return self.lane.room_ns(self, now_ns)

    def busy_ns(self, now_ns: int) -> float:
        return self.lane.busy_ns(now_ns)

    def policy(self, policy: Ranked[J], ready: Callable[[], bool]) -> Policy[J]:
        return LanePolicy(policy, self, ready)

    async def leave(self) -> None:
        self.lane.leave(self)
        self.head, self.look = _none, _nothing

    def pass_on(self, now_ns: int) -> None:
        """Have whoever's turn it is look at its queue, if that is another."""
        if not self.lane.busy:
            turn = self.lane.turn(now_ns)
            if turn is not None and turn is not self:
                turn.look()


class LanePolicy(Generic[J]):
    """The policy of a model on a shared lane: its own, when it is its turn.

    `ready` says whether an instance takes work: a model that has none does not hold up the others.
    """

    def __init__(self, policy: Ranked[J], seat: Seat, ready: Callable[[], bool]) -> None:
        self.queue: Queue[J] = policy.queue
        self._policy = policy
        self._seat = seat
        self._ready = ready
        self._waits_until_ns = 0  # for company, while others may run
        seat.head = self._head

    def admit(self, job: J, now_ns: int) -> Refusal | None:
        return self._policy.admit(job, now_ns)

    def foresee(self, job: Job, now_ns: int) -> Refusal | None:
        return self._policy.foresee(job, now_ns)

    def push(self, job: J, now_ns: int) -> None:
        self._waits_until_ns = 0
        self._policy.push(job, now_ns)

    def gives_up_ns(self) -> int | None:
        return self._policy.gives_up_ns()

    def give_up(self, now_ns: int) -> Sequence[GivenUp[J]]:
        given_up = self._policy.give_up(now_ns)
        if self._head(now_ns) is None:
            self._seat.pass_on(now_ns)  # it may have been its turn
        return given_up

    def next(self, now_ns: int, running: int) -> Run[J] | Wait:
        lane = self._seat.lane
        if lane.busy:
            return Wait(None)
        if lane.turn(now_ns) not in (self._seat, None):
            self._seat.pass_on(now_ns)
            return Wait(self._waits_until_ns if self._waits_until_ns > now_ns else None)
        decision = self._policy.next(now_ns, running)
        if isinstance(decision, Wait):
            self._waits_until_ns = decision.until_ns or FOR_EVER_NS
            self._seat.pass_on(now_ns)
        return decision

    def began(self, run: Run[J], now_ns: int) -> None:
        self._seat.lane.began(id(run), now_ns + run.typical_ns)
        self._policy.began(run, now_ns)

    def ended(self, run: Run[J], now_ns: int) -> None:
        self._seat.lane.ended(id(run))
        self._policy.ended(run, now_ns)
        self._seat.pass_on(now_ns)

    def resize(self, max_size: int) -> None:
        self._policy.resize(max_size)

    def answered(self, run: Run[J], began_ns: int, ended_ns: int, now_ns: int) -> None:
        self._policy.answered(run, began_ns, ended_ns, now_ns)

    def _head(self, now_ns: int) -> Head | None:
        """None where it has nothing to run now."""
        if not self._policy.queue or self._waits_until_ns > now_ns or not self._ready():
            return None
        return self._policy.head(now_ns)


def _none(now_ns: int) -> Head | None:
    """A model that is not there yet."""
    return None


def _nothing() -> None:
    """Nobody looks yet."""
