"""Whether a model's inputs and outputs are still what they were: headrace's own routes."""

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headrace.errors import InvalidRequest, ModelNotFound
from headrace.protocols.http import json_response
from headrace.protocols.watch.query import only

Tell = Callable[[str, int | None], dict[str, Any]]
"""A model's name, and a version or None for all -> what is known; raises NotFound for a version that is not watched."""

Forget = Callable[[str, int | None], None]
"""The same -> what is usual is seen anew; raises NotFound likewise."""


class DriftRoutes:
    """Handlers that tell of drift, and take what is there now for what is usual."""

    def __init__(self, tell: Tell, forget: Forget, is_known: Callable[[str], bool]) -> None:
        self._tell = tell
        self._forget = forget
        self._is_known = is_known

    def routes(self) -> list[Route]:
        model = "/v2/headrace/drift/{name}"
        paths = (model, f"{model}/versions/{{version}}")
        return [
            *(Route(path, self.drift, methods=["GET"]) for path in paths),
            *(Route(path, self.forget, methods=["DELETE"]) for path in paths),
        ]

    async def drift(self, request: Request) -> Response:
        """Each feature with its tests, and how its rows lie and lay."""
        return json_response(self._tell(*self._named(request)))

    async def forget(self, request: Request) -> Response:
        """From now on the next rows are what is usual."""
        self._forget(*self._named(request))
        return Response()

    def _named(self, request: Request) -> tuple[str, int | None]:
        """Raises ModelNotFound, or InvalidRequest for a version that is no number."""
        only(request)
        name: str = request.path_params["name"]
        if not self._is_known(name):
            raise ModelNotFound(f"model {name[:100]!r} is not in the repository")
        version: str | None = request.path_params.get("version")
        if version is not None and not (version.isascii() and version.isdigit() and 0 < len(version) < 20):
            raise InvalidRequest(f"{version[:80]!r} is no version; give a number, as in 3", "version")
        return name, None if version is None else int(version)
