"""What the dashboard asks for that nothing else tells: every version now, and what a model did over time."""

from collections.abc import Awaitable, Callable, Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headrace.errors import InvalidRequest
from headrace.numerals import numeral
from headrace.protocols.http import json_response
from headrace.protocols.watch.query import only, whole

MOST_STEPS = 2000
"""In one answer."""

Lines = Callable[[str, int | None, float, int], Awaitable[object]]
"""What a model, or one version of it, did in the last so many seconds, in at most so many steps."""


class DashboardRoutes:
    """Handlers of GET requests; they change nothing."""

    def __init__(
        self, overview: Callable[[], Sequence[msgspec.Struct]], facts: Callable[[], object], lines: Lines
    ) -> None:
        """`facts` are those of the server as a whole."""
        self._overview = overview
        self._facts = facts
        self._lines = lines

    def routes(self) -> list[Route]:
        return [
            Route("/v2/headrace/overview", self.overview, methods=["GET"]),
            Route("/v2/headrace/history/{name}", self.history, methods=["GET"]),
        ]

    async def overview(self, request: Request) -> Response:
        """Every version with its state, and what it does now."""
        only(request)
        return json_response({"server": self._facts(), "models": self._overview()})

    async def history(self, request: Request) -> Response:
        """What a model did: `since` so many seconds (3600), in at most `steps` (720), of one `version` or all."""
        asked = only(request, "since", "steps", "version")
        since_s = _number(asked.get("since", "3600"), "since", 60, 35 * 86_400)
        steps = whole(asked.get("steps", "720"), "steps", 1, MOST_STEPS)
        version = whole(asked["version"], "version", 0, 2**63 - 1) if asked.get("version") else None
        return json_response(await self._lines(request.path_params["name"], version, since_s, steps))


def _number(said: str, name: str, least: float, most: float) -> float:
    """Raises InvalidRequest with the parameter's name."""
    try:
        number = float(said)
    except ValueError:
        number = float("nan")
    if not least <= number <= most:
        raise InvalidRequest(f"{said[:40]!r} is not a number from {numeral(least)} to {numeral(most, 7)}", name)
    return number
