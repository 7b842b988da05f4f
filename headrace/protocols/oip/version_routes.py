"""Which version of a model stands for it: headrace's own routes."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headrace.errors import InvalidRequest
from headrace.protocols.http import json_response, read_json
from headrace.protocols.oip.front import Front
from headrace.protocols.oip.model_version import read_model
from headrace.types import ModelRef


class _Label(msgspec.Struct, forbid_unknown_fields=True):
    version: str


_LABEL = msgspec.json.Decoder(_Label)


class VersionRoutes:
    """Handlers that ask the repository for other versions."""

    def __init__(self, front: Front) -> None:
        self._front = front

    def routes(self) -> list[Route]:
        label = "/v2/headrace/models/{name}/labels/{label}"
        return [
            Route("/v2/headrace/models/{name}/rollback", self.roll_back, methods=["POST"]),
            Route("/v2/headrace/models/{name}/labels", self.labels, methods=["GET"]),
            Route(label, self.set_label, methods=["PUT"]),
            Route(label, self.remove_label, methods=["DELETE"]),
        ]

    async def roll_back(self, request: Request) -> Response:
        """Return to the version that stood for the model before; answers with it once it does again."""
        name = request.path_params["name"]
        version = await self._front.repository.roll_back(name)
        return json_response({"name": name, "version": str(version)})

    async def labels(self, request: Request) -> Response:
        """Where each label leads now."""
        name = request.path_params["name"]
        self._front.registry.get(ModelRef(name))
        labels = self._front.registry.labels(name)
        return json_response({label: str(labels[label]) for label in sorted(labels)})

    async def set_label(self, request: Request) -> Response:
        """Have a label lead to a version; answers once that is ready and requests are led there."""
        sent = await read_json(request, _LABEL, self._front.max_body_bytes)
        name, label = request.path_params["name"], request.path_params["label"]
        version = read_model(name, sent.version).version
        if version is None:
            raise InvalidRequest(f"{sent.version!r} is not the number of a version", "version")
        await self._front.repository.label(name, label, version)
        return json_response({"name": name, "label": label, "version": str(version)})

    async def remove_label(self, request: Request) -> Response:
        await self._front.repository.label(request.path_params["name"], request.path_params["label"], None)
        return Response()
