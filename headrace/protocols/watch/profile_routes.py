"""A profile of the server's own threads, made while it runs."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from headrace.protocols.http import read_json
from headrace.protocols.sse import until_gone

MOST_S = 60.0
MAX_BODY_BYTES = 4096
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""The page has a style of its own, and nothing else."""


class ProfileBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For how long."""

    seconds: Annotated[float, Meta(gt=0, le=MOST_S)] = 10.0


_PROFILE = msgspec.json.Decoder(ProfileBody)

Make = Callable[[float, bool], Awaitable[bytes]]
"""Makes a profile of so many seconds: a page, or speedscope's JSON. Raises Conflict while another is made."""


class ProfileRoutes:
    """The one handler."""

    def __init__(self, make: Make) -> None:
        self._make = make

    def routes(self) -> list[Route]:
        return [Route("/v2/headrace/profile", self.profile, methods=["POST"])]

    async def profile(self, request: Request) -> Response:
        """Answers when it is done, with a page where `Accept` asks for one, else with JSON.

        It is given up once its client is gone, so that the next may be made.
        """
        body = await read_json(request, _PROFILE, MAX_BODY_BYTES)
        wants_page = "text/html" in request.headers.get("accept", "")
        making = asyncio.ensure_future(self._make(body.seconds, wants_page))
        gone = asyncio.ensure_future(until_gone(request.receive))
        try:
            await asyncio.wait({making, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not making.done():
                raise ClientDisconnect
            made = making.result()
        finally:
            making.cancel()
            gone.cancel()
        headers = {"content-security-policy": POLICY, "x-content-type-options": "nosniff"}
        return Response(made, 200, headers, "text/html" if wants_page else "application/json")
