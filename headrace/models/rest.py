"""A version takes another's place while that rests: two that run at once, each on all cores, hold each other up.

Where the cores have something to spare a moment of rest is never far; where they have nothing it is not waited for.
"""

import asyncio
from collections.abc import Awaitable, Callable

from headrace.servable import Servable

LOOK_S = 0.001
LOOKS = 100


async def rest(servable: Servable, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
    """Wait until it has nothing to answer, though not for long."""
    for _ in range(LOOKS):
        backlog = servable.backlog()
        if not (backlog.queued or backlog.running):
            return
        await sleep(LOOK_S)
