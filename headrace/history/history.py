"""The loop that keeps history: every few seconds it looks at what was counted, and a thread writes it down."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from headrace.history.differences import Differences
from headrace.history.levels import MINUTES, RAW, Level, finest, step_of
from headrace.history.point import Point
from headrace.history.store import Row, Store
from headrace.lasting import lasting
from headrace.observe.tally import Key, VersionTally
from headrace.types import ModelVersion

T = TypeVar("T")

Counted = tuple[Mapping[Key, VersionTally], Mapping[ModelVersion, int], Mapping[ModelVersion, int]]
"""What was counted of each version until now; and of those that are served, how many requests wait, and their bytes."""


class History:
    """What each version did. `now_s` is Unix time that does not jump while the server runs."""

    def __init__(self, file: Path | None, look: Callable[[], Counted], now_s: Callable[[], float]) -> None:
        """`file` is made where it is not there; None: what is kept ends with the server."""
        self.latest: dict[ModelVersion, Point] = {}  # of the last step
        self._file = file
        self._look = look
        self._now_s = now_s
        self._differences = Differences()
        self._thread = ThreadPoolExecutor(1, "history")
        self._store: Store | None = None
        self._rolled_s = 0
        self._running: asyncio.Task[None] | None = None

    @property
    def lost(self) -> int:
        """Points that could not be kept."""
        return 0 if self._store is None else self._store.lost

    async def start(self) -> None:
        """Begin to keep."""
        self._store = await self._do(lambda: Store(self._file))
        self._running = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Keep what there is, and end."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        if (store := self._store) is not None:
            await self.step()
            await self._do(store.close)
        self._thread.shutdown(wait=False)

    async def step(self) -> None:
        """Look once, and have it written."""
        now_s = self._now_s()
        at_s = step_of(now_s - RAW.step_s / 2, RAW)  # that which ended just now
        points = dict(self._differences.look(*self._look()))
        self.latest = points
        store = self._store
        if store is None:
            return
        worth = [(of, point) for of, point in points.items() if not point.is_empty]
        if worth:
            await self._do(lambda: store.add(at_s, worth))
        if (minute := step_of(now_s, MINUTES)) != self._rolled_s:
            self._rolled_s = minute
            await self._do(lambda: store.roll(now_s))

    async def read(
        self, model: str, version: int | None, since_s: float, until_s: float, most: int
    ) -> tuple[Level, list[Row]]:
        """What a model did in a stretch of time, by the finest level that needs at most `most` steps for it."""
        level = finest(since_s, until_s, self._now_s(), most)
        store = self._store
        if store is None:
            return level, []
        since = step_of(since_s, level)
        return level, await self._do(lambda: store.read(level, since, until_s, model, version))

    async def _run(self) -> None:
        while True:
            now_s = self._now_s()
            await asyncio.sleep(step_of(now_s, RAW) + RAW.step_s - now_s)
            with lasting("a step of the history"):
                await self.step()

    async def _do(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
