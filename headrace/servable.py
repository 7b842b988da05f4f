"""The waist: how a request is answered, whatever answers it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple, Protocol

from headrace.errors import HeadraceError
from headrace.types import Backlog, Context, Request, Response, Signature

Reply = Callable[[Response | HeadraceError], None]
"""Where answers go. Called on the event loop, once for each response and never again after a final one or
an error; it may be called before `submit` returns. It must not raise."""

Cancel = Callable[[], None]
"""The caller no longer waits: nothing more is answered, and work not yet started is not done. Safe to call
at any time, also after the answer."""


class Servable(Protocol):
    """Answers requests for one model version: a batched model, an engine, a pipeline, a replica elsewhere."""

    @property
    def signature(self) -> Signature:
        """What it takes and gives."""
        ...

    def submit(self, request: Request, reply: Reply) -> Cancel:
        """Take the request; returns at once and never raises: errors go to `reply`."""
        ...

    def backlog(self) -> Backlog: ...

    async def drain(self) -> None:
        """Answer what is here; take nothing new."""
        ...

    async def close(self) -> None:
        """Give back every resource; what is still here is answered with an error."""
        ...


def foresee(servable: Servable, context: Context) -> HeadraceError | None:
    """Why this servable will not let in a request of that context, however small it is; None where it may, or where it
    has to be read first."""
    foresees: Callable[[Context], HeadraceError | None] | None = getattr(servable, "foresee", None)
    return None if foresees is None else foresees(context)


class Together(NamedTuple):
    """How requests that come at once may be asked as one (`Request.bundle`)."""

    rows: int = 0  # of all of them, at most; 0: each is asked for itself
    bundles: int = 0  # while so many are under way, others are held: they would wait all the same


APART = Together()


def together(servable: Servable) -> Together:
    """How this servable takes them now."""
    takes: Callable[[], Together] | None = getattr(servable, "together", None)
    return APART if takes is None else takes()


Whole = Callable[[], Awaitable[None]]
"""Waits until all of a model is there that answers before that. Raises why something of it cannot be had; the model
answers all the same."""


def wholeness(servable: Servable) -> Whole | None:
    """How to wait for the rest of this servable; None where it is whole from the beginning."""
    whole: Whole | None = getattr(servable, "whole", None)
    return whole


class Answers:
    """A Reply that is read as an async iterator: for streams, pipelines and tests; unary answers need none."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Response | HeadraceError] = asyncio.Queue()

    def __call__(self, answer: Response | HeadraceError) -> None:
        self._queue.put_nowait(answer)

    async def __aiter__(self) -> AsyncIterator[Response]:
        final = False
        while not final:
            answer = await self._queue.get()
            if isinstance(answer, HeadraceError):
                raise answer
            final = answer.final
            yield answer


async def answer(servable: Servable, request: Request) -> Response:
    """Submit and wait for the first answer; cancels the request if the waiting is cancelled."""
    future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()

    def reply(answer: Response | HeadraceError) -> None:
        if future.done():
            return
        if isinstance(answer, HeadraceError):
            future.set_exception(answer)
        else:
            future.set_result(answer)

    cancel = servable.submit(request, reply)
    try:
        return await future
    finally:
        cancel()
