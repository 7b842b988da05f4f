"""A large message while it comes: counted among those of all calls, and given up where it comes too slowly."""

import asyncio
from collections.abc import Callable

from headrace.errors import MemoryFull
from headrace.protocols.bodies import Bodies, Counted
from headrace.protocols.grpc.messages import Refused
from headrace.protocols.grpc.status import DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED

PATIENCE_S = 20.0
"""Between two looks at a message that is counted."""

LEAST_BYTES = 320 << 10
"""Of it, that have to come meanwhile: 16 KiB a second, as of a body over HTTP."""


class Coming:
    """Of one call, whose client is awaited while `may_send` says so; `refuse` ends it."""

    def __init__(
        self,
        bodies: Bodies,
        loop: asyncio.AbstractEventLoop,
        may_send: Callable[[], bool],
        refuse: Callable[[Refused], None],
    ) -> None:
        self._counted = Counted(bodies)
        self._loop = loop
        self._may_send = may_send
        self._refuse = refuse
        self._bytes = self._before = 0
        self._timer: asyncio.TimerHandle | None = None

    def grown(self, size: int) -> None:
        """So much of the message is here. Raises Refused where that has no room."""
        try:
            self._counted.grown(size)
        except MemoryFull as error:
            raise Refused(RESOURCE_EXHAUSTED, str(error)) from error
        self._bytes = size
        if self._timer is None:
            self._timer = self._loop.call_later(PATIENCE_S, self._look)

    def whole(self) -> None:
        """Nothing more of it is awaited; it counts until `over`."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def over(self) -> None:
        """It is not held any more."""
        self.whole()
        self._counted.over()
        self._bytes = self._before = 0

    def _look(self) -> None:
        came, self._before = self._bytes - self._before, self._bytes
        self._timer = None
        if came < LEAST_BYTES and self._may_send():
            least = f"{LEAST_BYTES} bytes have to come of a large one in {PATIENCE_S:g} s"
            what = f"the message comes too slowly: {least}"
            self._refuse(Refused(DEADLINE_EXCEEDED, what))
        else:
            self._timer = self._loop.call_later(PATIENCE_S, self._look)
