"""Now, and call me later: so that tests own time."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal, Protocol


class Timer(Protocol):
    """A call that was asked for and may still be taken back."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """Monotonic time in nanoseconds, and calls made when it has passed."""

    epoch_ns: int  # Unix time when it was 0; fixed, so that a machine's clock that is set moves nothing

    def now_ns(self) -> int:
        """Nanoseconds since an arbitrary start; never goes back."""
        ...

    def call_at(self, when_ns: int, callback: Callable[[], None]) -> Timer:
        """Call back on the event loop at, or soon after, `when_ns`."""
        ...

    def call_soon(self, callback: Callable[[], None]) -> Timer:
        """Call back on the event loop after what is ready now has been handled."""
        ...


class LoopClock:
    """The machine's monotonic clock and the running event loop's timers."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.epoch_ns = epoch_ns()
        self.now_ns = time.monotonic_ns  # bound once: it is read several times a request

    def call_soon(self, callback: Callable[[], None]) -> Timer:
        return self._loop.call_soon(callback)

    def call_at(self, when_ns: int, callback: Callable[[], None]) -> Timer:
        return self._loop.call_later(max(0.0, (when_ns - time.monotonic_ns()) / 1e9), callback)


def epoch_ns() -> int:
    """Unix time when the machine's monotonic clock was 0, as far as the machine knows now."""
    return time.time_ns() - time.monotonic_ns()


def unix_s(clock: Clock) -> float:
    """Unix time that does not jump, for all that is told by one clock."""
    return (clock.now_ns() + clock.epoch_ns) / 1e9


def rfc3339(unix_s: float, timespec: Literal["milliseconds", "microseconds"] = "milliseconds") -> str:
    """Unix time as RFC 3339 has it, in UTC."""
    second, microseconds = divmod(round(unix_s * 1e6), 1_000_000)
    if timespec == "microseconds":
        return f"{_second(second)}.{microseconds:06}Z"
    return f"{_second(second)}.{microseconds // 1000:03}Z"


def rfc3339_ns(unix_ns: int) -> str:
    """The same to the millisecond, of nanoseconds: in half the time."""
    second, nanoseconds = divmod(unix_ns, 1_000_000_000)
    return f"{_second(second)}.{nanoseconds // 1_000_000:03}Z"


@lru_cache(maxsize=4)
def _second(unix_s: int) -> str:
    """Most that is told is of the same second as what was told before."""
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")
