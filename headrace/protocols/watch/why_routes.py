"""What changed for a model, when, and by what."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headrace.errors import InvalidRequest, ModelNotFound
from headrace.protocols.http import json_response
from headrace.protocols.watch.anything import anything
from headrace.protocols.watch.query import only

LONGEST_S = 35 * 86_400.0


class WhyRoutes:
    """A handler that changes nothing."""

    def __init__(
        self, why: Callable[[str, float], Awaitable[Mapping[str, Any]]], is_known: Callable[[str], bool]
    ) -> None:
        """`is_known` says whether there is, or was, a model of that name."""
        self._why = why
        self._is_known = is_known

    def routes(self) -> list[Route]:
        return [anything(Route("/v2/headrace/why/{name:path}", self.why, methods=["GET"]))]

    async def why(self, request: Request) -> Response:
        """Findings of the last `since` seconds (3600), the likeliest first."""
        only(request, "since")
        name = request.path_params["name"]
        since_s = since_of(request)
        if not self._is_known(name):
            raise ModelNotFound(f"model {name[:100]!r} is not in the repository")
        return json_response(await self._why(name, since_s))


def since_of(request: Request) -> float:
    """Seconds to look back. Raises InvalidRequest."""
    said = request.query_params.get("since", "3600")
    try:
        seconds = float(said)
    except ValueError:
        seconds = float("nan")
    if not 1 <= seconds <= LONGEST_S:
        raise InvalidRequest(f"{said[:40]!r} is not a number of seconds from 1 to {LONGEST_S:.0f}", "since")
    return seconds
