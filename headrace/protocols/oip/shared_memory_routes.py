"""The shared memory extensions over HTTP: regions of system memory, and none of CUDA's."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headrace.errors import Unsupported
from headrace.protocols.http import json_response, read_json
from headrace.protocols.oip.front import Front
from headrace.protocols.oip.shared_memory import NO_CUDA


class _Register(msgspec.Struct):
    key: str
    byte_size: int
    offset: int = 0


_REGISTER = msgspec.json.Decoder(_Register)


class SharedMemoryRoutes:
    """Handlers that register, tell and forget regions."""

    def __init__(self, front: Front) -> None:
        self._front = front

    def routes(self) -> list[Route]:
        system = (self.status, self.status, self.register, self.unregister, self.unregister)
        cuda = (self.cuda_status, self.cuda_status, self.register_cuda, self.unregister_cuda, self.unregister_cuda)
        return [
            Route(path, call, methods=[method])
            for base, calls in (("/v2/systemsharedmemory", system), ("/v2/cudasharedmemory", cuda))
            for (path, method), call in zip(_paths(base), calls, strict=True)
        ]

    async def status(self, request: Request) -> Response:
        regions = self._front.regions.status(request.path_params.get("region"))
        return json_response([region._asdict() for region in regions])

    async def register(self, request: Request) -> Response:
        sent = await read_json(request, _REGISTER, self._front.max_body_bytes)
        self._front.regions.register(request.path_params["region"], sent.key, sent.offset, sent.byte_size)
        return Response()

    async def unregister(self, request: Request) -> Response:
        self._front.regions.unregister(request.path_params.get("region"))
        return Response()

    async def cuda_status(self, request: Request) -> Response:
        if request.path_params.get("region"):
            raise Unsupported(NO_CUDA)
        return json_response([])

    async def register_cuda(self, request: Request) -> Response:
        raise Unsupported(NO_CUDA)

    async def unregister_cuda(self, request: Request) -> Response:
        """As of system memory, one that is not there is no error."""
        return Response()


def _paths(base: str) -> tuple[tuple[str, str], ...]:
    return (
        (f"{base}/status", "GET"),
        (f"{base}/region/{{region}}/status", "GET"),
        (f"{base}/region/{{region}}/register", "POST"),
        (f"{base}/unregister", "POST"),
        (f"{base}/region/{{region}}/unregister", "POST"),
    )
