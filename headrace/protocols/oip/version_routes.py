"""Which version of a model stands for it: headrace's own routes."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headrace.protocols.http import json_response
from headrace.protocols.oip.front import Front


class VersionRoutes:
    """Handlers that ask the repository for other versions."""

    def __init__(self, front: Front) -> None:
        self._front = front

    def routes(self) -> list[Route]:
        return [Route("/v2/headrace/models/{name}/rollback", self.roll_back, methods=["POST"])]

    async def roll_back(self, request: Request) -> Response:
        """Return to the version that stood for the model before; answers with it once it does again."""
        name = request.path_params["name"]
        version = await self._front.repository.roll_back(name)
        return json_response({"name": name, "version": str(version)})
