"""A load that nobody waits for gives way to whoever is answered meanwhile: less, the longer it takes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from headrace.clock import Clock, Timer
from headrace.devices.priority import Precedence, began_at
from headrace.devices.process_stat import ran_s

STEPS: tuple[tuple[float, Precedence], ...] = ((0.0, "last"), (3.0, "later"), (30.0, "usual"))
"""From so many seconds on; no load stands still for ever, however busy the cores are."""

LOOK_S = 0.3  # how often it is looked how far it has come
SPARE = 0.15
"""Of a core, that it must have had since it began: where there is less to spare, waiting for it does not help. Beside
60 % of what a machine can answer it has 0.28, beside all of that 0.07; between two looks, though, it may be any."""

STARVED_S = 0.6  # from which on that tells: one burst of requests may leave nothing for half of that

AGAIN_S = 1.0
"""Behind a load that found no time to spare, for which the next looks for none either: a version is made by several."""


class PatientLoads:
    """`run_as` is told how a process is to run; `ran_s` says for how long one has run on a core."""

    def __init__(
        self, run_as: Callable[[int, Precedence], None], clock: Clock, ran_s: Callable[[int], float] = ran_s
    ) -> None:
        self._run_as = run_as
        self._clock = clock
        self._ran_s = ran_s
        self._again_ns = 0  # from when on it is looked again whether there is time to spare

    @contextmanager
    def __call__(self, pid: int) -> Iterator[None]:
        """The process loads from now until the end of the `with`."""
        if self._clock.now_ns() < self._again_ns:
            yield
            return
        load = _Load(pid, self._run_as, self._clock, self._ran_s)
        load.look()
        try:
            yield
        finally:
            load.over()
            if load.starved:
                self._again_ns = self._clock.now_ns() + int(AGAIN_S * 1e9)


class _Load:
    """One that is under way. Owns a timer."""

    def __init__(
        self, pid: int, run_as: Callable[[int, Precedence], None], clock: Clock, ran_s: Callable[[int], float]
    ) -> None:
        self._pid = pid
        self._run_as = run_as
        self._clock = clock
        self._ran_s = ran_s
        self._born = began_at(pid)
        self._began_ns = clock.now_ns()
        self._before_s = ran_s(pid)  # that it had run for
        self.starved = False  # whether there was nothing to spare for it
        self._precedence: Precedence | None = None
        self._timer: Timer | None = None

    def look(self) -> None:
        """It runs as its time says, or as usual once there is nothing to spare for it."""
        passed_s = (self._clock.now_ns() - self._began_ns) / 1e9
        had_s = self._ran_s(self._pid) - self._before_s
        self.starved = self.starved or (passed_s >= STARVED_S and had_s < SPARE * passed_s)
        self._run("usual" if self.starved else next(how for after_s, how in reversed(STEPS) if passed_s >= after_s))
        if self._precedence != "usual":
            self._timer = self._clock.call_at(self._clock.now_ns() + int(LOOK_S * 1e9), self.look)

    def over(self) -> None:
        """It gives way no more."""
        if self._timer:
            self._timer.cancel()
        self._run("usual")

    def _run(self, precedence: Precedence) -> None:
        if precedence == self._precedence:
            return
        self._precedence = precedence
        if self._born and began_at(self._pid) == self._born:  # else the number may be another's by now
            self._run_as(self._pid, precedence)
