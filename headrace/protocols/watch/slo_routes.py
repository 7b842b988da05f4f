"""What models promise, and what is left of their error budgets."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headrace.protocols.http import json_response
from headrace.protocols.watch.query import only


class SloRoutes:
    """Handlers of GET requests; they change nothing."""

    def __init__(
        self, slo: Callable[[str], Mapping[str, Any]], slos: Callable[[], Sequence[Mapping[str, Any]]]
    ) -> None:
        """`slo` is of one model, and raises ModelNotFound; `slos` of every model that promises something."""
        self._slo = slo
        self._slos = slos

    def routes(self) -> list[Route]:
        return [
            Route("/v2/headrace/slo", self.all, methods=["GET"]),
            Route("/v2/headrace/slo/{name}", self.of_model, methods=["GET"]),
        ]

    async def all(self, request: Request) -> Response:
        """Of every model, by name."""
        only(request)
        return json_response({"models": self._slos()})

    async def of_model(self, request: Request) -> Response:
        """Each objective of a model: its target, what was counted, and how fast its budget burns."""
        only(request)
        return json_response(self._slo(request.path_params["name"]))
