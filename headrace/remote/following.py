"""Keeps a mirror up to date while it is served, and comes back sooner, then later, after a fault."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from headrace.remote.faults import RemoteFault
from headrace.remote.mirror import Round

log = logging.getLogger(__name__)

LONGEST_S = 300.0


class Synced(Protocol):
    """A mirror, as it is kept up to date."""

    async def sync(self, *, settled: bool) -> Round: ...


class Following:
    """One mirror that is followed. What is wrong is said once, and once that it is over."""

    def __init__(
        self, mirror: Synced, poll_s: float, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    ) -> None:
        self._mirror = mirror
        self._poll_s = poll_s
        self._sleep = sleep
        self._told: tuple[str, ...] = ()
        self._failures = 0

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await self._sleep(pause_s(self._failures, self._poll_s))
            await self.look()

    async def look(self) -> None:
        """One round. Whatever goes wrong in it, what is served goes on."""
        try:
            done = await self._mirror.sync(settled=True)
        except RemoteFault as fault:
            done = Round((), (str(fault),))
        self.tell(done)

    def tell(self, done: Round) -> None:
        """Log what came of a round."""
        for name in done.published:
            log.info("%s is here as its repository has it", name)
        for fault in done.faults:
            if fault not in self._told:
                log.warning("the models' repository: %s; what is served goes on", fault)
        if self._told and not done.faults:
            log.info("the models' repository is followed again")
        self._told = done.faults
        self._failures = self._failures + 1 if done.faults and not done.published else int(bool(done.faults))


def pause_s(failures: int, poll_s: float) -> float:
    """How long until the next look: after faults soon, then ever later; never sooner than it is usual to look.

    A first fault may be a connection that was cut; the tenth is not going to be mended by asking.
    """
    if not failures:
        return poll_s
    return min(2.0 ** min(failures - 1, 20), max(poll_s, LONGEST_S))
