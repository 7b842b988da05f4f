"""Notices a child that owes something and gives no sign of life: one that was stopped, or whose run takes too long.

Only time counts that the server saw pass: one that was itself stopped, with its machine or by a terminal, does not take
its workers for hung when it goes on.
"""

from collections.abc import Callable

from headrace.clock import Clock, Timer

LOOK_NS = 500_000_000  # how often it is looked


class Watchdog:
    """Watches one child from a run's beginning until nothing is owed. One timer looks after all runs."""

    def __init__(self, clock: Clock, is_stopped: Callable[[], bool], hung: Callable[[str], None]) -> None:
        """`is_stopped` says whether the child is stopped now; `hung` is called once, with what is wrong with it."""
        self._clock = clock
        self._is_stopped = is_stopped
        self._hung = hung
        self._timer: Timer | None = None
        self._owed = False
        self._limit_s = 0.0
        self._left_ns = 0  # that the run may still take
        self._seen_ns = 0  # when it was last looked, or the run began
        self._was_stopped = False  # at the last look

    def watch(self, limit_s: float) -> None:
        """From now on a run has so long."""
        self._owed = True
        self._limit_s = limit_s
        self._left_ns = int(limit_s * 1e9)
        self._seen_ns = self._clock.now_ns()
        if self._timer is None:
            self._wake()
        elif self._left_ns < LOOK_NS:
            self._timer.cancel()
            self._wake()

    def rest(self) -> None:
        """Nothing is owed."""
        self._owed = False

    def stop(self) -> None:
        """The child is gone."""
        self._owed = self._was_stopped = False
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def close(self) -> None:
        """There is none any more: nobody is told anything."""
        self.stop()
        self._is_stopped, self._hung = _never, _nobody

    def _wake(self) -> None:
        self._timer = self._clock.call_at(self._clock.now_ns() + min(LOOK_NS, self._left_ns), self._look)

    def _look(self) -> None:
        self._timer = None
        if not self._owed:
            self._was_stopped = False
            return
        now_ns = self._clock.now_ns()
        self._left_ns -= min(now_ns - self._seen_ns, 2 * LOOK_NS)
        self._seen_ns = now_ns
        was_stopped, self._was_stopped = self._was_stopped, self._is_stopped()
        if was_stopped and self._was_stopped:  # twice: whoever stops and continues both of us is not in our way
            self._end("was stopped by a signal")
        elif self._left_ns <= 0:
            self._end(f"took more than {self._limit_s:g} s for one run")
        else:
            self._wake()

    def _end(self, why: str) -> None:
        self._owed = False
        self._hung(why)


def _never() -> bool:
    return False


def _nobody(why: str) -> None: ...
