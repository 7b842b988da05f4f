"""Models that share cores on lanes of their own: whose runs give way, and which use fewer threads for it.

The threads of one run wait for one another at each layer. Where a long run has the cores, a short one with all of the
threads takes several times as long, and so does a long one that is held up by many short ones. A run cannot be stopped,
but the operating system stops threads: those of a model whose objective is far longer, or that promises nothing, give
way; and a model for which others give way that promise something runs with half of the threads, which seldom wait for
one another, as long as that leaves it within its objective and does what it is asked for. `layout` decides and is pure,
`Neighbours` has it done.
"""

import logging
from collections.abc import Callable, Iterable
from math import inf
from typing import NamedTuple, Protocol

from headrace.batching.thread_need import Need, need, too_few
from headrace.clock import Clock, Timer
from headrace.types import ModelVersion

log = logging.getLogger(__name__)

FAR = 4.0
"""An objective so many times as long is far longer: what it has to spare is more than the others' runs take of it."""


LOOK_NS = 1_000_000_000
"""How often it is looked what is asked for."""


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

    async def start(self, halved: bool) -> None:
        """Make it. Raises what making it raises."""
        ...

    def want(self, halved: bool) -> None:
        """With half of the threads from now on, or with all; it is made meanwhile."""
        ...

    def load(self) -> float:
        """How far it is used up by what is asked for, as it is run now: above 1, it cannot keep up."""
        ...

    def on_close(self, closed: Callable[[], None]) -> None:
        """Call this when it is closed."""
        ...


class _Neighbour:
    """One model that is there."""

    def __init__(self, version: ModelVersion, model: Laid, objective_ms: float | None, may_halve: bool) -> None:
        self.version = version
        self.model = model
        self.objective_ms = objective_ms
        self.may_halve = may_halve
        self.layout = Layout()
        self.need = Need()

    @property
    def could_be_halved(self) -> bool:
        """Where it is not asked for too much."""
        return self.may_halve and self.layout.halved


class Neighbours:
    """Owns who is there. `give_way` is called when a model's processes are to give way, and when no more."""

    def __init__(self, give_way: Callable[[ModelVersion, bool], None], clock: Clock) -> None:
        self._there: list[_Neighbour] = []
        self._give_way = give_way
        self._clock = clock
        self._timer: Timer | None = None

    async def join(self, version: ModelVersion, model: Laid, objective_ms: float | None, may_halve: bool) -> None:
        """Have the model made as it is to be run now, and anew when that changes. Raises what making it raises."""
        neighbour = _Neighbour(version, model, objective_ms, may_halve)
        await model.start(may_halve and self._layout(neighbour).halved)
        model.on_close(lambda: self._left(neighbour))
        self._there.append(neighbour)
        self._settle()

    def _left(self, neighbour: _Neighbour) -> None:
        self._there.remove(neighbour)
        if neighbour.layout.yields and not any(each.version == neighbour.version for each in self._there):
            self._give_way(neighbour.version, False)
        self._settle()

    def _settle(self) -> None:
        for neighbour in self._there:
            before, neighbour.layout = neighbour.layout, self._layout(neighbour)
            if neighbour.layout.yields != before.yields:
                self._give_way(neighbour.version, neighbour.layout.yields)
                told = (
                    "gives way to models whose objective is far shorter"
                    if neighbour.layout.yields
                    else "gives way no more"
                )
                log.info("%s: %s", neighbour.version, told)
            if not neighbour.need.all and not neighbour.model.fits:
                neighbour.need = too_few(neighbour.need, self._clock.now_ns())
            neighbour.model.want(neighbour.could_be_halved and not neighbour.need.all)
        looked_at = any(each.could_be_halved for each in self._there)
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
        self._settle()

    def _layout(self, neighbour: _Neighbour) -> Layout:
        return layout(neighbour.objective_ms, [each.objective_ms for each in self._there if each is not neighbour])
