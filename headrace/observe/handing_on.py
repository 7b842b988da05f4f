"""When records are handed on to those that listen: soon where many wait, else every quarter of a second."""

from headrace.clock import Clock, Timer
from headrace.observe.bus import Bus

FLUSH_NS = 250_000_000  # between two rounds, where not many come


class HandingOn:
    """Owns a bus's timer, from `start` to `close`. Whoever reads facts has them handed on at once: `Bus.flush`."""

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus = bus
        self._clock = clock
        self._timer: Timer | None = None

    def start(self) -> None:
        self._bus.many = self._soon
        self._later()

    def close(self) -> None:
        if self._timer:
            self._timer.cancel()

    def _later(self) -> None:
        self._timer = self._clock.call_at(self._clock.now_ns() + FLUSH_NS, self._flush)

    def _flush(self) -> None:
        self._step()
        self._later()

    def _soon(self) -> None:
        self._clock.call_soon(self._step)

    def _step(self) -> None:
        """One step, requests having their turn before the next."""
        if self._bus.step():
            self._soon()
