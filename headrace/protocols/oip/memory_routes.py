"""Who holds how much memory, and which models stay in it: headrace's own routes."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headrace.protocols.http import json_response, read_json
from headrace.protocols.oip.front import Front


class _Pin(msgspec.Struct, forbid_unknown_fields=True):
    pinned: bool


_PIN = msgspec.json.Decoder(_Pin)


class MemoryRoutes:
    """Handlers that read the server's memory, and pin models in it."""

    def __init__(self, front: Front) -> None:
        self._front = front

    def routes(self) -> list[Route]:
        return [
            Route("/v2/headrace/memory", self.memory, methods=["GET"]),
            Route("/v2/headrace/models/{name}/pin", self.pin, methods=["PUT"]),
        ]

    async def memory(self, request: Request) -> Response:
        """What is reserved and what is measured, as it was measured last."""
        return json_response(self._front.memory())

    async def pin(self, request: Request) -> Response:
        """Have a model stay in memory once it is there, or no longer."""
        sent = await read_json(request, _PIN, self._front.max_body_bytes)
        name = request.path_params["name"]
        await self._front.repository.pin(name, sent.pinned)
        return json_response({"name": name, "pinned": sent.pinned})
