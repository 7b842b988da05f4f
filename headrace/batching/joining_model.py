"""A model with variants from the moment at which its own file is there: it answers alone until the others have joined.

What only they may answer waits for them. Where one of them cannot be had, it goes on alone, and says why. Knows no
files: it is told who joins.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from headrace.batching.batched_model import BatchedModel
from headrace.errors import SOON_S, HeadraceError, ModelUnavailable
from headrace.servable import Cancel, Reply, Servable
from headrace.types import Backlog, Context, ModelVersion, Request, Signature, Variant


class WaitingRoom(Protocol):
    """Owns what waits for the others, until they have joined or cannot."""

    def submit(self, request: Request, reply: Reply) -> Cancel: ...

    def hand_over(self, servable: Servable) -> None:
        """Ask this for all that waits."""
        ...

    def fail(self, error: HeadraceError, *, for_good: bool) -> None:
        """Answer all that waits with this, and `for_good` what still comes; nothing waits once it was handed over."""
        ...

    def backlog(self) -> Backlog: ...


class JoiningModel:
    """Owns what stands, first the own file's model and then all of them, and the task that makes the others."""

    def __init__(
        self,
        version: ModelVersion,
        own: BatchedModel,
        variants: Sequence[Variant],
        join: Callable[[], Awaitable[Servable]],
        room: WaitingRoom | None = None,
    ) -> None:
        """`join` makes the others, and gives what answers for all, `own` among them; `variants` has the own file first.
        Without a `room` nobody waits for them: whoever would have to is told to come again.

        Made on a running event loop."""
        self._version = version
        self._own = own
        self._variants = variants
        self._stands: Servable = own
        self._room = room
        self._fault: HeadraceError | None = None
        self._joining = asyncio.ensure_future(self._join(join))

    @property
    def signature(self) -> Signature:
        return self._stands.signature

    def submit(self, request: Request, reply: Reply) -> Cancel:
        if self._stands is not self._own or self._may_answer(request.context):
            return self._stands.submit(request, reply)
        if self._room is not None:
            return self._room.submit(request, reply)
        reply(self._why_not())
        return _nothing

    async def whole(self) -> None:
        """Wait until the others have joined. Raises ModelInvalid, or what their loading raised."""
        await asyncio.wait([self._joining])
        if self._fault:
            raise self._fault

    def backlog(self) -> Backlog:
        here = self._stands.backlog()
        if self._room is None:
            return here
        return Backlog(here.queued + self._room.backlog().queued, here.running)

    async def drain(self) -> None:
        await self._end()
        await self._stands.drain()

    async def close(self) -> None:
        await self._end()
        await self._stands.close()

    async def _join(self, join: Callable[[], Awaitable[Servable]]) -> None:
        try:
            self._stands = await join()
        except HeadraceError as error:
            self._fault = error
            self._own.warn(f"{error}; the model's own file answers alone")
            self._refuse_all()
        else:
            if self._room is not None:
                self._room.hand_over(self._stands)

    async def _end(self) -> None:
        """Nobody joins any more."""
        self._joining.cancel()
        await asyncio.gather(self._joining, return_exceptions=True)
        self._refuse_all()

    def _refuse_all(self) -> None:
        """Of those that wait."""
        if self._room is not None:
            self._room.fail(self._why_not(), for_good=True)

    def _may_answer(self, context: Context) -> bool:
        """Whether the own file alone may; that it has what is asked for at all was seen to before."""
        own = self._variants[0]
        return context.variant in ("", own.name) and own.accuracy >= context.min_accuracy

    def _why_not(self) -> HeadraceError:
        if self._fault:
            return ModelUnavailable(f"model {self._version}: {self._fault}")
        return ModelUnavailable(f"model {self._version}: {self._others()} on the way", retry_after_s=SOON_S)

    def _others(self) -> str:
        names = ", ".join(repr(variant.name) for variant in self._variants[1:])
        return f"variants {names} are" if len(self._variants) > 2 else f"variant {names} is"


def _nothing() -> None:
    """The cancel of a request that is already answered."""
