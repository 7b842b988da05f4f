"""A clock whose calls come within some hundredths of a millisecond: the event loop's own timers round up to one."""

import asyncio
import ctypes
import os
import time
from collections.abc import Callable
from contextlib import suppress
from heapq import heappop, heappush

from headrace.clock import Timer, epoch_ns

_MONOTONIC, _CLOEXEC_NONBLOCK, _ABSOLUTE = 1, 0o2004000, 1
_LIBC = ctypes.CDLL(None, use_errno=True)


class _Spec(ctypes.Structure):
    _fields_ = [(name, ctypes.c_long) for name in ("every_s", "every_ns", "at_s", "at_ns")]


class _Call:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class TimerfdClock:
    """Monotonic time, and calls from one of Linux's timers that the event loop watches as a file. Close it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.epoch_ns = epoch_ns()
        self.now_ns = time.monotonic_ns
        self._loop = loop
        self._fd: int = _LIBC.timerfd_create(_MONOTONIC, _CLOEXEC_NONBLOCK)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "no timer is to be had")
        self._calls: list[tuple[int, int, _Call]] = []
        self._count = 0
        self._armed_ns = 0  # 0: not
        self._spec = _Spec(0, 0, 0, 0)
        loop.add_reader(self._fd, self._due)

    def call_soon(self, callback: Callable[[], None]) -> Timer:
        return self._loop.call_soon(callback)

    def call_at(self, when_ns: int, callback: Callable[[], None]) -> Timer:
        call = _Call(callback)
        self._count += 1
        heappush(self._calls, (when_ns, self._count, call))
        self._arm()
        return call

    def close(self) -> None:
        """No call comes any more."""
        self._calls.clear()
        self._loop.remove_reader(self._fd)
        os.close(self._fd)

    def _arm(self) -> None:
        when_ns = max(1, self._calls[0][0]) if self._calls else 0
        if not when_ns or 0 < self._armed_ns <= when_ns:
            return
        self._armed_ns = when_ns
        self._spec.at_s, self._spec.at_ns = divmod(when_ns, 1_000_000_000)
        if _LIBC.timerfd_settime(self._fd, _ABSOLUTE, ctypes.byref(self._spec), None):
            raise OSError(ctypes.get_errno(), "the timer cannot be set")

    def _due(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._fd, 8)
        self._armed_ns = 0
        now_ns = self.now_ns()
        while self._calls and self._calls[0][0] <= now_ns:
            callback = heappop(self._calls)[2].callback
            if callback:
                callback()
        self._arm()
