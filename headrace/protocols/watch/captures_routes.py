"""What was captured of requests: a summary, the requests themselves, and forgetting them."""

from collections.abc import Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headrace.capture.capture import Capture
from headrace.errors import ModelNotFound
from headrace.protocols.http import json_response
from headrace.protocols.watch.query import only, whole

MOST = 1000
"""Requests of one answer."""


class CapturesRoutes:
    """Handlers that tell what is kept, and forget it."""

    def __init__(self, capture: Capture, is_known: Callable[[str], bool]) -> None:
        """`is_known` is of models; what was captured of one that has gone is told all the same."""
        self._capture = capture
        self._is_known = is_known

    def routes(self) -> list[Route]:
        captures = "/v2/headrace/captures"
        return [
            Route(captures, self.summaries, methods=["GET"]),
            Route(f"{captures}/{{name}}", self.captured, methods=["GET"]),
            Route(f"{captures}/{{name}}", self.forget, methods=["DELETE"]),
        ]

    async def summaries(self, request: Request) -> Response:
        """How much is kept of each version."""
        only(request)
        return json_response({"captures": await self._capture.summaries()})

    async def captured(self, request: Request) -> Response:
        """Requests of a model, oldest first; their tensors' bytes are in base64. `after` is the `next` of an answer
        before, `limit` at most so many (100), `version` of one version."""
        asked = only(request, "version", "limit", "after")
        version = whole(asked["version"], "version", 0, 2**63 - 1) if "version" in asked else None
        limit = whole(asked.get("limit", "100"), "limit", 1, MOST)
        after = whole(asked.get("after", "0"), "after", 0, 2**63 - 1)
        name = request.path_params["name"]
        found = await self._capture.read(name, version, after, limit)
        if not found and not after:
            self._check(name)
        told: list[dict[str, Any]] = [{"number": number, **msgspec.structs.asdict(each)} for number, each in found]
        return json_response({"captures": told, "next": found[-1][0] if len(found) == limit else None})

    async def forget(self, request: Request) -> Response:
        """All of a model."""
        only(request)
        name = request.path_params["name"]
        removed = await self._capture.remove(name)
        if not removed:
            self._check(name)
        return json_response({"removed": removed})

    def _check(self, name: str) -> None:
        """Raises ModelNotFound where nothing is captured of it because there is no such model."""
        if not self._is_known(name):
            raise ModelNotFound(f"model {name[:100]!r} is not in the repository, and nothing is captured of it")
