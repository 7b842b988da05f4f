"""Models that share cores on lanes of their own: whose runs give way, and which use fewer threads for it.

The threads of one run wait for one another at each layer. Where a long run has the cores, a short one with all of the
threads takes several times as long, and so does a long one that is held up by many short ones. A run cannot be stopped,
but the operating system stops threads: those of a model whose objective is far longer, or that promises nothing, give
way altogether, unless its runs then hardly come forward, and sleep where they wait for one another: those that spin
would keep the others of their run from the core. A model for which others give way that promise something runs with
half of the threads, which seldom wait for one another, as long as that leaves it within its objective and does what it
is asked for. `layout` decides and is pure, `Neighbours` has it done.
"""

import logging
from collections.abc import Callable, Iterable
from math import inf
from typing import NamedTuple, Protocol

from headrace.batching.laying import Laying
from headrace.batching.thread_need import Need, need, too_few
from headrace.clock import Clock, Timer
from headrace.devices.priority import Precedence
from headrace.types import ModelVersion

log = logging.getLogger(__name__)

FAR = 4.0
"""An objective so many times as long is far longer: what it has to spare is more than the others' runs take of it."""


LOOK_NS = 1_000_000_000
"""How often it is looked what is asked for."""

HELD_UP_NS = 1_000_000_000
"""A run that takes so much longer than predicted hardly comes forward."""

BOTH = Laying(halved=True, still=True)

TOLD: dict[Precedence, str] = {
    "usual": "gives way no more",
    "later": "has a share of the cores beside models whose objective is far shorter",
    "last": "gives way to models whose objective is far shorter",
}


class Layout(NamedTuple):
    """How one model is run beside others."""

    halved: bool = False  # with half of the threads
    yields: bool = False  # to runs of others


def layout(mine_ms: float | None, others_ms: Iterable[float | None]) -> Layout:
    """Of a model by its objective, None where it has none, beside others by theirs."""
    mine = inf if mine_ms is None else mine_ms
    others = [inf if each is None else each for each in others_ms]
    return Layout(
        halved=any(FAR * mine <= other < inf for other in others),
        yields=any(other < inf and mine >= FAR * other for other in others),
    )


class Laid(Protocol):
    """A model that can be run otherwise while it serves."""

    @property
    def fits(self) -> bool:
        """Whether half of its threads would do, as far as that was tried."""
        ...

    async def start(self, laying: Laying) -> None:
        """Make it. Raises what making it raises."""
        ...

    def want(self, laying: Laying) -> None:
        """It is to be run so from now on; it is made meanwhile."""
        ...

    def load(self) -> float:
        """How far it is used up by what is asked for, as it is run now: above 1, it cannot keep up."""
        ...

    def overdue_ns(self) -> float:
        """How much longer than predicted a run of it has taken by now; 0 or less where none has."""
        ...

    def on_close(self, closed: Callable[[], None]) -> None:
        """Call this when it is closed."""
        ...


class _Neighbour:
    """One model that is there."""

    def __init__(self, version: ModelVersion, model: Laid, objective_ms: float | None, may: Laying) -> None:
        self.version = version
        self.model = model
        self.objective_ms = objective_ms
        self.may = may
        self.layout = Layout()
        self.need = Need()  # of all of its threads
        self.share = Need()  # of a share of the cores
        self.precedence: Precedence = "usual"

    @property
    def could_be_halved(self) -> bool:
        """Where it is not asked for too much."""
        return self.may.halved and self.layout.halved

    @property
    def is_still(self) -> bool:
        """It gains its own runs' time, which is worth making it anew only where something was promised of that."""
        return self.may.still and self.layout.yields and self.objective_ms is not None

    @property
    def due(self) -> Precedence:
        """As things are."""
        if not self.layout.yields:
            return "usual"
        return "later" if self.share.all else "last"


class Neighbours:
    """Owns who is there. `give_way` is called when a model's processes are to give way, how far, and when no more."""

    def __init__(self, give_way: Callable[[ModelVersion, Precedence], None], clock: Clock) -> None:
        self._there: list[_Neighbour] = []
        self._give_way = give_way
        self._clock = clock
        self._timer: Timer | None = None

    async def join(self, version: ModelVersion, model: Laid, objective_ms: float | None, may: Laying = BOTH) -> None:
        """Have the model made as it is to be run now, as far as it `may` be, and anew when that changes. Raises what
        making it raises."""
        neighbour = _Neighbour(version, model, objective_ms, may)
        neighbour.layout = self._layout(neighbour)
        await model.start(Laying(neighbour.could_be_halved, neighbour.is_still))
        model.on_close(lambda: self._left(neighbour))
        self._there.append(neighbour)
        self._settle()

    def _left(self, neighbour: _Neighbour) -> None:
        self._there.remove(neighbour)
        if neighbour.layout.yields and not any(each.version == neighbour.version for each in self._there):
            self._give_way(neighbour.version, "usual")
        self._settle()

    def _settle(self) -> None:
        for neighbour in self._there:
            neighbour.layout = self._layout(neighbour)
            before, neighbour.precedence = neighbour.precedence, neighbour.due
            if neighbour.precedence != before:
                self._give_way(neighbour.version, neighbour.precedence)
                log.info("%s: %s", neighbour.version, TOLD[neighbour.precedence])
            if not neighbour.need.all and not neighbour.model.fits:
                neighbour.need = too_few(neighbour.need, self._clock.now_ns())
            halved = neighbour.could_be_halved and not neighbour.need.all
            neighbour.model.want(Laying(halved, neighbour.is_still))
        looked_at = any(each.could_be_halved or each.layout.yields for each in self._there)
        if looked_at and self._timer is None:
            self._timer = self._clock.call_at(self._clock.now_ns() + LOOK_NS, self._look)
        elif not looked_at and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        """What is asked for changes."""
        self._timer = None
        now_ns = self._clock.now_ns()
        for neighbour in self._there:
            if neighbour.could_be_halved:
                before, neighbour.need = neighbour.need, need(neighbour.need, neighbour.model.load(), now_ns)
                if neighbour.need.all and not before.all:
                    log.info("%s: is asked for more than half of its threads can do", neighbour.version)
            held_up = neighbour.precedence == "last" and neighbour.model.overdue_ns() > HELD_UP_NS
            neighbour.share = too_few(neighbour.share, now_ns) if held_up else need(neighbour.share, 0.0, now_ns)
        self._settle()

    def _layout(self, neighbour: _Neighbour) -> Layout:
        return layout(neighbour.objective_ms, [each.objective_ms for each in self._there if each is not neighbour])
