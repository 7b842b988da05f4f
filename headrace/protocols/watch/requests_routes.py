"""What was asked lately: a list, and one request's time phase by phase."""

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headrace.errors import InvalidRequest, NotFound
from headrace.protocols.http import json_response
from headrace.protocols.request_id import bounded
from headrace.protocols.watch.anything import anything
from headrace.protocols.watch.query import limit_of, only

MOST = 1000
"""Requests of one list."""

_FLAGS = {"0": False, "false": False, "1": True, "true": True}


class RequestsRoutes:
    """Handlers that change nothing."""

    def __init__(
        self,
        waterfall: Callable[[str], dict[str, Any] | None],
        latest: Callable[[str, bool, int], list[dict[str, Any]]],
    ) -> None:
        """`latest` takes a model or "", whether only what was slow or failed is wanted, and how many."""
        self._waterfall = waterfall
        self._latest = latest

    def routes(self) -> list[Route]:
        return [
            Route("/v2/headrace/requests", self.latest, methods=["GET"]),
            anything(Route("/v2/headrace/requests/{id:path}", self.waterfall, methods=["GET"])),
        ]

    async def waterfall(self, request: Request) -> Response:
        """One request, by its id, the id in its body, or its trace's."""
        only(request)
        id_ = request.path_params["id"]
        told = self._waterfall(bounded(id_))
        if told is None:
            shown = id_ if len(id_) <= 60 else f"{id_[:60]}..."
            raise NotFound(
                f"request {shown!r} is not known: it never came, was refused before its model was known, or is older "
                "than the last 10,000 (those that were slow or failed: than an hour)"
            )
        return json_response(told)

    async def latest(self, request: Request) -> Response:
        """Newest first; `?model=` of one model, `?slow=1` those that were slow or failed, `?limit=` so many (100)."""
        asked = only(request, "model", "slow", "limit")
        slow = _FLAGS.get(asked.get("slow", "0").lower())
        if slow is None:
            raise InvalidRequest("takes 1 or 0", "slow")
        return json_response({"requests": self._latest(asked.get("model", ""), slow, limit_of(request, MOST))})
