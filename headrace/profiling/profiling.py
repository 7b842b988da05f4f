"""A profile as it is asked for: made, and written as a page or as JSON."""

import asyncio

import msgspec

from headrace.profiling.flame_page import page
from headrace.profiling.sampling import INTERVAL_S, Profiler
from headrace.profiling.speedscope import speedscope
from headrace.profiling.stacks import Stacks


class Profiling:
    """One for each server: two profiles at once would be of each other."""

    def __init__(self, interval_s: float = INTERVAL_S) -> None:
        self._interval_s = interval_s
        self._profiler = Profiler(interval_s)

    async def make(self, seconds: float, as_page: bool) -> bytes:
        """Raises Conflict while another is made."""
        stacks = await self._profiler.profile(seconds)
        return await asyncio.to_thread(self._written, stacks, seconds, as_page)  # a large one takes a while

    def _written(self, stacks: Stacks, seconds: float, as_page: bool) -> bytes:
        if as_page:
            return page(stacks, seconds).encode("utf-8", "replace")
        return msgspec.json.encode(speedscope(stacks, self._interval_s, f"headrace, {seconds:g} s"))
