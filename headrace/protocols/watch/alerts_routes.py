"""Alerts of the server's own, and the silences of those that nobody wants to hear of for a while."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headrace.protocols.http import json_response
from headrace.protocols.strict_body import Body, Reader
from headrace.protocols.watch.query import only

MAX_BODY_BYTES = 64 * 1024


class Silence(Body, frozen=True):
    """What a client wants to be silent."""

    match: dict[str, str]
    for_s: float
    reason: str = ""


_SILENCE = Reader(Silence)


class Silencing(Protocol):
    """Has alerts with these labels told to nobody for a while; raises InvalidRequest."""

    def __call__(self, match: Mapping[str, str], for_s: float, reason: str) -> Awaitable[Mapping[str, Any]]: ...


class AlertsRoutes:
    """Handlers that tell of alerts, silence some, and take silences back."""

    def __init__(
        self,
        told: Callable[[], Mapping[str, Any]],
        silence: Silencing,
        unsilence: Callable[[str], Awaitable[None]],
    ) -> None:
        """`unsilence` raises NotFound."""
        self._told = told
        self._silence = silence
        self._unsilence = unsilence

    def routes(self) -> list[Route]:
        alerts = "/v2/headrace/alerts"
        return [
            Route(alerts, self.alerts, methods=["GET"]),
            Route(alerts, self.silence, methods=["POST"]),
            Route(f"{alerts}/silences/{{id}}", self.unsilence, methods=["DELETE"]),
        ]

    async def alerts(self, request: Request) -> Response:
        """Those that are pending or fire, oldest first, the last that ended, silences, and who is told."""
        only(request)
        return json_response(self._told())

    async def silence(self, request: Request) -> Response:
        """Answers once the silence is kept for the next start too."""
        only(request)
        sent = await _SILENCE.read(request, MAX_BODY_BYTES)
        return json_response(await self._silence(sent.match, sent.for_s, sent.reason))

    async def unsilence(self, request: Request) -> Response:
        only(request)
        await self._unsilence(request.path_params["id"])
        return Response()
