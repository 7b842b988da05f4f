"""Notices a child that owes something and gives no sign of life: one that was stopped, or whose run takes too long.

Only time counts that the server saw pass: one that was itself stopped, with its machine or by a terminal, does not take
its workers for hung when it goes on.
"""

from collections.abc import Callable

from headrace.clock import Clock, Timer

LOOK_NS = 500_000_000  # how often it is looked
LOOK_S = LOOK_NS / 1e9
ENDLESS_S = 1e9  # the limit of what has none here

_Run = tuple[float, int]  # how long it may take, in seconds, and when it began


class Watchdog:
    """Watches one child from a load's or a run's beginning until nothing is owed. One timer looks after all runs."""

    def __init__(self, clock: Clock, is_stopped: Callable[[], bool], hung: Callable[[str], None]) -> None:
        """`is_stopped` says whether the child is stopped now; `hung` is called once, with what is wrong with it."""
        self._clock = clock
        self._is_stopped = is_stopped
        self._hung = hung
        self._timer: Timer | None = None
        self._run: _Run | None = None  # that is owed
        self._looked_at: _Run | None = None  # the run that was owed at the last look
        self._left_ns = 0  # that it might still take then
        self._seen_ns = 0  # when that was
        self._was_stopped = False  # at the last look

    def watch(self, limit_s: float, began_ns: int) -> None:
        """A run has so long from its beginning on, which is now."""
        self._run = limit_s, began_ns
        if self._timer is None or limit_s < LOOK_S:
            self._wake(int(limit_s * 1e9))

    def watch_load(self, began_ns: int) -> None:
        """It loads from now on, for which others have a limit: here only matters whether it is stopped."""
        self.watch(ENDLESS_S, began_ns)

    def rest(self) -> None:
        """Nothing is owed."""
        self._run = None

    def stop(self) -> None:
        """The child is gone."""
        self._run, self._was_stopped = None, False
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def close(self) -> None:
        """There is none any more: nobody is told anything."""
        self.stop()
        self._is_stopped, self._hung = _never, _nobody

    def _wake(self, left_ns: int) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = self._clock.call_at(self._clock.now_ns() + min(LOOK_NS, left_ns), self._look)

    def _look(self) -> None:
        self._timer = None
        run = self._run
        if run is None:
            self._was_stopped = False
            return
        limit_s, began_ns = run
        if run is not self._looked_at:
            self._looked_at, self._left_ns, self._seen_ns = run, int(limit_s * 1e9), began_ns
        now_ns = self._clock.now_ns()
        self._left_ns -= min(now_ns - self._seen_ns, 2 * LOOK_NS)
        self._seen_ns = now_ns
        was_stopped, self._was_stopped = self._was_stopped, self._is_stopped()
        if was_stopped and self._was_stopped:  # twice: whoever stops and continues both of us is not in our way
            self._end("was stopped by a signal")
        elif self._left_ns <= 0:
            self._end(f"took more than {limit_s:g} s for one run")
        else:
            self._wake(self._left_ns)

    def _end(self, why: str) -> None:
        self._run = None
        self._hung(why)


def _never() -> bool:
    return False


def _nobody(why: str) -> None: ...
