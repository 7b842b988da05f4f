"""Looks at what every thread does, a hundred times a second, for a while; one at a time."""

import asyncio
import sys
import threading
from collections.abc import Callable

from headrace.errors import Conflict
from headrace.profiling.stacks import Stacks

INTERVAL_S = 0.01


class Profiler:
    """A thread that looks, while somebody waits for what it sees. One for each server."""

    def __init__(self, interval_s: float = INTERVAL_S) -> None:
        self._interval_s = interval_s
        self._busy = False

    async def profile(self, seconds: float) -> Stacks:
        """What was seen in so many seconds. Raises Conflict while another profile is made."""
        if self._busy:
            raise Conflict("a profile is being made already; wait until it is done")
        self._busy = True
        stop = threading.Event()
        try:
            return await asyncio.to_thread(sample, round(seconds / self._interval_s), self._interval_s, stop.wait)
        finally:
            stop.set()  # nobody waits for it any more
            self._busy = False


def sample(looks: int, interval_s: float, wait: Callable[[float], bool]) -> Stacks:
    """Look so many times; `wait` says whether it is to end before that."""
    stacks, own = Stacks(), threading.get_ident()
    for _ in range(max(1, looks)):
        if wait(interval_s):
            break
        names = {thread.ident: thread.name for thread in threading.enumerate() if thread.ident is not None}
        stacks.look(sys._current_frames(), names, own)
    return stacks
