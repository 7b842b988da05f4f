"""What requests cost, over HTTP."""

from collections.abc import Callable
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headrace.errors import InvalidRequest
from headrace.protocols.http import json_response
from headrace.protocols.watch.query import only

By = Literal["tenant", "model", "version"]

BY: dict[str, By] = {"tenant": "tenant", "model": "model", "version": "version"}


class CostsRoutes:
    """A handler that tells the books, by `told`."""

    def __init__(self, told: Callable[[By], dict[str, Any]]) -> None:
        self._told = told

    def routes(self) -> list[Route]:
        return [Route("/v2/headrace/costs", self.costs, methods=["GET"])]

    async def costs(self, request: Request) -> Response:
        """By tenant, model or version since the server started; the most costly first."""
        asked = only(request, "by").get("by", "model")
        if (by := BY.get(asked)) is None:
            raise InvalidRequest(f"is one of {', '.join(BY)}, not {asked[:40]!r}", "by")
        return json_response(self._told(by))
