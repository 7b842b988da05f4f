"""Profiles made while the server runs: of its own threads, and of a model's operators."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from headrace.protocols.http import json_response, read_json
from headrace.protocols.sse import until_gone
from headrace.protocols.watch.query import only, whole

MOST_S = 60.0
MAX_BODY_BYTES = 4096
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""The page has a style of its own, and nothing else."""


class ProfileBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For how long."""

    seconds: Annotated[float, Meta(gt=0, le=MOST_S)] = 10.0


class NoBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All is said in the parameters."""


_NOTHING = msgspec.json.Decoder(NoBody)
_PROFILE = msgspec.json.Decoder(ProfileBody)

Make = Callable[[float, bool], Awaitable[bytes]]
"""Makes a profile of so many seconds: a page, or speedscope's JSON. Raises Conflict while another is made."""

MakeOperators = Callable[[str, int | None, int], Awaitable[Mapping[str, Any]]]
"""A model's name, a version or None for what answers by default, and runs -> what each of its operators took. Raises
Conflict likewise, and whatever is wrong with the model."""

RUNS, MOST_RUNS = 20, 1000

T = TypeVar("T")


class ProfileRoutes:
    """The one handler."""

    def __init__(self, make: Make, operators: MakeOperators) -> None:
        self._make = make
        self._operators = operators

    def routes(self) -> list[Route]:
        return [Route("/v2/headrace/profile", self.profile, methods=["POST"])]

    async def profile(self, request: Request) -> Response:
        """Of the server's own threads, or with `operators` of a model's: that of one `version`, in so many `runs` (20).

        Answers when it is done. It is given up once its client is gone, so that the next may be made.
        """
        if "operators" not in request.query_params:
            only(request, "operators")
            return await self._threads(request)
        asked = only(request, "operators", "version", "runs")
        version = whole(asked["version"], "version", 0, 2**63 - 1) if "version" in asked else None
        runs = whole(asked.get("runs", str(RUNS)), "runs", 1, MOST_RUNS)
        await read_json(request, _NOTHING, MAX_BODY_BYTES)
        return json_response(await _unless_gone(request, self._operators(asked["operators"], version, runs)))

    async def _threads(self, request: Request) -> Response:
        """A page where `Accept` asks for one, else JSON."""
        body = await read_json(request, _PROFILE, MAX_BODY_BYTES)
        wants_page = "text/html" in request.headers.get("accept", "")
        made = await _unless_gone(request, self._make(body.seconds, wants_page))
        headers = {"content-security-policy": POLICY, "x-content-type-options": "nosniff"}
        return Response(made, 200, headers, "text/html" if wants_page else "application/json")


async def _unless_gone(request: Request, work: Awaitable[T]) -> T:
    """What it gives; it is taken back, and ClientDisconnect raised, once nobody waits for it any more."""
    making = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(until_gone(request.receive))
    try:
        await asyncio.wait({making, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not making.done():
            raise ClientDisconnect
        return making.result()
    finally:
        making.cancel()
        gone.cancel()
