"""What is being done to models: one thing at a time to each, whoever waits for it. Knows no models."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any
from weakref import WeakValueDictionary

from headrace.errors import Draining, HeadraceError, forget_frames

log = logging.getLogger(__name__)

Tried = Callable[[Exception | None], None]
"""Told once it is done as far as a caller waits for it, or why that failed; only the first time counts."""


class UnderWay:
    """Owns a task for everything that is under way. Made on a running event loop."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()  # clients may ask for any name
        self._tasks: set[asyncio.Task[None]] = set()

    def lock(self, name: str) -> asyncio.Lock:
        """Held by whoever does something to the model; it lives for as long as somebody holds or waits for it."""
        return self._locks.setdefault(name, asyncio.Lock())

    def held(self, name: str) -> bool:
        """Whether somebody does something to the model now."""
        lock = self._locks.get(name)
        return lock is not None and lock.locked()

    def spawn(self, doing: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Do it, whoever waits for it; what it raises is logged."""
        task = asyncio.create_task(doing)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def asked(self, name: str, doing: Callable[[Tried], Awaitable[None]]) -> None:
        """Do it to the model in its turn; returns once `Tried` is told, and raises that; the rest goes on."""
        tried: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def tell(error: Exception | None) -> None:
            if tried.done():
                return
            if error:
                tried.set_exception(error)
            else:
                tried.set_result(None)

        async def do() -> None:
            try:
                async with self.lock(name):
                    await doing(tell)
                tell(None)
            except HeadraceError as error:
                forget_frames(error)
                tell(error)
            except Exception as error:
                if tried.done():
                    raise
                tell(error)

        cancelled = Draining("the server is shutting down")
        self.spawn(do()).add_done_callback(lambda task: tell(cancelled))  # also where it never began
        await tried

    async def still(self) -> None:
        """Wait until nothing is under way."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def end(self) -> None:
        """Cancel what is under way, and wait for it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("a model could not be moved", exc_info=error)
