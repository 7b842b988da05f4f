"""A server's metrics, from their page to the collector: the place to start reading."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from headrace import __version__
from headrace.lasting import lasting
from headrace.pushing.plan import Plan
from headrace.pushing.push import Exporter, Page, Push
from headrace.pushing.since import Since

Make = Callable[[], Awaitable[bytes]]
"""Makes the page that Prometheus would read, exemplars included."""


class Pushing:
    """Has a page made every so often, and hands it to `Push`; once more at the end."""

    def __init__(
        self, push: Push, every_s: float, sleep: Callable[[float], Awaitable[None]], now_ns: Callable[[], int]
    ) -> None:
        """`now_ns` is Unix time."""
        self._push = push
        self._every_s = every_s
        self._sleep = sleep
        self._now_ns = now_ns
        self._make: Make | None = None
        self._task: asyncio.Task[None] | None = None

    def dropped(self) -> dict[str, int]:
        """Pages that the collector did not get, by reason; what they would have told came with the next."""
        return dict(self._push.dropped)

    def start(self, make: Make) -> None:
        self._make = make
        self._push.start()
        self._task = asyncio.create_task(self._run())

    async def drained(self) -> None:
        """Have the last page made, while what it tells of is still there."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            await self._put()

    async def close(self) -> None:
        await asyncio.to_thread(self._push.close)

    async def _run(self) -> None:
        while True:
            await self._sleep(self._every_s)
            with lasting("making metrics to be pushed"):
                await self._put()

    async def _put(self) -> None:
        assert self._make is not None
        self._push.put(Page(await self._make(), self._now_ns()))


def pushing(
    decided: Plan,
    environment: Mapping[str, str],
    sleep: Callable[[float], Awaitable[None]],
    now_ns: Callable[[], int],
) -> Pushing:
    """As it was decided. `now_ns` is Unix time."""
    push = Push(Since(decided.delta, now_ns()), lambda: _connect(decided, environment))
    return Pushing(push, decided.every_s, sleep, now_ns)


def _connect(decided: Plan, environment: Mapping[str, str]) -> Exporter:
    from headrace.pushing.otlp import Otlp

    return Otlp(decided, __version__, environment)
