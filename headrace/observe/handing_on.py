"""When records are handed on to those that listen: soon where many wait, else a quarter of a second after the last."""

from headrace.clock import Clock, Timer
from headrace.observe.bus import Bus

FLUSH_NS = 250_000_000  # after the last that were handed on, where not many come


class HandingOn:
    """Owns a bus's timer, from `start` to `close`. Whoever reads facts has them handed on at once: `Bus.flush`."""

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus = bus
        self._clock = clock
        self._timer: Timer | None = None
        self._last_ns = 0  # when some were due

    def start(self) -> None:
        self._bus.many = self._many
        self._last_ns = self._clock.now_ns()
        self._later()

    def close(self) -> None:
        if self._timer:
            self._timer.cancel()

    def _later(self) -> None:
        self._timer = self._clock.call_at(self._last_ns + FLUSH_NS, self._flush)

    def _flush(self) -> None:
        """What waits is due, but where many were meanwhile: few more have come since."""
        now_ns = self._clock.now_ns()
        if now_ns - self._last_ns >= FLUSH_NS:
            self._last_ns = now_ns
            self._step()
        self._later()

    def _many(self) -> None:
        self._last_ns = self._clock.now_ns()
        self._soon()

    def _soon(self) -> None:
        self._clock.call_soon(self._step)

    def _step(self) -> None:
        """One step, requests having their turn before the next."""
        if self._bus.step():
            self._soon()
