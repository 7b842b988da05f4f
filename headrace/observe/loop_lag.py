"""How late the event loop is: what was to be called at a time, and when it was."""

from headrace.clock import Clock, Timer
from headrace.observe import families
from headrace.observe.histogram import DURATION_BOUNDS_NS, SECOND, Histogram

EVERY_NS = 100_000_000


class LoopLag:
    """Owns a timer that goes off ten times a second, and what it has measured."""

    def __init__(self, clock: Clock, every_ns: int = EVERY_NS) -> None:
        self.lag_ns = Histogram(DURATION_BOUNDS_NS)
        self._clock = clock
        self._every_ns = every_ns
        self._due_ns = 0
        self._timer: Timer | None = None

    def start(self) -> None:
        self._due_ns = self._clock.now_ns() + self._every_ns
        self._timer = self._clock.call_at(self._due_ns, self._called)

    def close(self) -> None:
        if self._timer:
            self._timer.cancel()

    def lines(self) -> list[str]:
        """What Prometheus reads of it."""
        lag = self.lag_ns
        return families.LOOP_LAG.histograms(families.LAG_BOUNDS_S, [("", lag.cumulative(), lag.total / SECOND)])

    def _called(self) -> None:
        self.lag_ns.add((max(0, self._clock.now_ns() - self._due_ns),))
        self.start()
