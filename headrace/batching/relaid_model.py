"""A model that is made anew while it serves, to be run with other threads: requests go to what stands.

The old one answers what it holds, then it is closed. Knows no cores and no other models: it is told which is wanted.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from headrace.batching.laying import Laying
from headrace.errors import HeadraceError
from headrace.servable import Cancel, Reply, Servable, Together, Whole, foresee, together, wholeness
from headrace.types import Backlog, Context, ModelVersion, Request, Signature

log = logging.getLogger(__name__)


RUNS = {
    True: "runs with half of its threads beside models whose objective is far longer",
    False: "runs with all of its threads again",
}


class Made(NamedTuple):
    """One that was made, and why it is of no use where it is none."""

    model: Servable
    load: Callable[[], float]  # how far it is used up
    overdue_ns: Callable[[], float]  # how much longer than predicted a run of it has taken by now
    unfit: str = ""


Make = Callable[[Laying, bool], Awaitable[Made]]
"""Makes one that is run so; whether it stands in for another, which answers meanwhile."""


class RelaidModel:
    """Owns what stands, and what is on its way out."""

    def __init__(self, version: ModelVersion, make: Make) -> None:
        self._version = version
        self._make = make
        self._laid = self._wanted = Laying()
        self._made: Made | None = None  # what stands
        self.fits = True  # with half of the threads, as far as that was tried
        self._relaying: asyncio.Task[None] | None = None
        self._leaving: list[Servable] = []
        self._ending: asyncio.Future[None] | None = None  # of the last that left
        self._on_close: list[Callable[[], None]] = []

    async def start(self, laying: Laying) -> None:
        """Make what stands first. Raises what making it raises."""
        self._wanted = laying
        made = await self._fit(laying)
        if made is None:
            self._wanted = laying._replace(halved=False)
            made = await self._make(self._wanted, False)
        elif laying.halved:
            log.info("%s: %s", self._version, RUNS[True])
        self._made, self._laid = made, self._wanted

    @property
    def signature(self) -> Signature:
        return self._stands.model.signature

    def submit(self, request: Request, reply: Reply) -> Cancel:
        assert self._made is not None, "it was not started"
        return self._made.model.submit(request, reply)

    def foresee(self, context: Context) -> HeadraceError | None:
        """As what stands foresees it."""
        return foresee(self._stands.model, context)

    def together(self) -> Together:
        """As what stands takes them."""
        return together(self._stands.model)

    @property
    def whole(self) -> Whole | None:
        """As what stands."""
        return wholeness(self._stands.model)

    def backlog(self) -> Backlog:
        each = [model.backlog() for model in (self._stands.model, *self._leaving)]
        return Backlog(sum(backlog.queued for backlog in each), sum(backlog.running for backlog in each))

    def load(self) -> float:
        """Of what stands: newcomers go there."""
        return self._stands.load()

    def overdue_ns(self) -> float:
        """How much longer than predicted a run of what stands has taken by now; 0 or less where none has."""
        return self._stands.overdue_ns()

    def want(self, laying: Laying) -> None:
        """It is to be run so from now on; it is made meanwhile."""
        self._wanted = laying
        if self._relaying is None and self._wanted != self._laid:
            self._relaying = asyncio.ensure_future(self._relay())

    def on_close(self, closed: Callable[[], None]) -> None:
        self._on_close.append(closed)

    async def drain(self) -> None:
        await self._settle()
        await asyncio.gather(*(model.drain() for model in (self._stands.model, *self._leaving)))

    async def close(self) -> None:
        while self._on_close:
            self._on_close.pop()()
        await self._settle()
        await asyncio.gather(*(model.close() for model in (self._stands.model, *self._leaving)))

    @property
    def _stands(self) -> Made:
        assert self._made is not None, "it was not started"
        return self._made

    async def _settle(self) -> None:
        """Nothing more is made."""
        self._wanted = self._laid
        if self._relaying:
            self._relaying.cancel()
            await asyncio.gather(self._relaying, return_exceptions=True)
        if self._ending:
            await self._ending

    async def _relay(self) -> None:
        try:
            while self._wanted != self._laid:
                laying = self._wanted
                made = await self._fit(laying)
                if made is None:
                    self._wanted = self._wanted._replace(halved=False)
                    continue
                if laying.halved != self._laid.halved:
                    log.info("%s: %s", self._version, RUNS[laying.halved])
                old, self._made, self._laid = self._stands.model, made, laying
                self._leaving.append(old)
                await old.drain()
                self._leaving.remove(old)
                self._ending = asyncio.ensure_future(old.close())
                await asyncio.shield(self._ending)
        except HeadraceError as error:
            log.warning("%s: stays as it is beside other models: %s", self._version, error)
        finally:
            self._relaying = None

    async def _fit(self, laying: Laying) -> Made | None:
        """None where it is of no use with half of the threads."""
        made = await self._make(laying, self._made is not None)
        if laying.halved:
            self.fits = not made.unfit
        if not made.unfit:
            return made
        log.info("%s: keeps all of its threads beside other models: %s", self._version, made.unfit)
        await made.model.close()
        return None
