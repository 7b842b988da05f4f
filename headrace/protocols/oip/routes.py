"""The Open Inference Protocol's ordinary HTTP routes: health, metadata, configuration, statistics and settings."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from headrace.errors import HeadraceError
from headrace.protocols.broken_off import BrokenOff
from headrace.protocols.http import Bounded, json_response, on_error, read_body, read_json
from headrace.protocols.http_error import http_error
from headrace.protocols.oip.exchange import Answer, Exchange
from headrace.protocols.oip.front import Front
from headrace.protocols.oip.head import read_head
from headrace.protocols.oip.latency_route import LatencyRoute
from headrace.protocols.oip.memory_routes import MemoryRoutes
from headrace.protocols.oip.model_version import read_model
from headrace.protocols.oip.repository_routes import RepositoryRoutes
from headrace.protocols.oip.shared_memory_routes import SharedMemoryRoutes
from headrace.protocols.oip.version_routes import VersionRoutes
from headrace.protocols.one_host import OneHost
from headrace.protocols.request_id import Identified, id_of, shown
from headrace.protocols.watch.cross_origin import CrossOrigin
from headrace.protocols.watch.same_origin import SameOrigin
from headrace.types import ModelRef, TensorSpec

_TRACE = msgspec.json.Decoder(dict[str, str | int | list[str] | None])
_LOG = msgspec.json.Decoder(dict[str, Any])
_LIVE = ("/v2/health/live", "/livez", "/healthz", "/health")
_READY = ("/v2/health/ready", "/readyz")


def create_app(front: Front, more: Sequence[BaseRoute] = ()) -> Starlette:
    """Every ordinary route of the server; `more` are those of other protocols."""
    routes = Routes(front)
    handlers = dict.fromkeys((HeadraceError, HTTPException, ClientDisconnect, Exception), on_error)
    app = Starlette(
        routes=[
            *routes.of_server(),
            *routes.of_models(),
            *RepositoryRoutes(front).routes(),
            *SharedMemoryRoutes(front).routes(),
            *LatencyRoute(front).routes(),
            *VersionRoutes(front).routes(),
            *MemoryRoutes(front).routes(),
            *more,
        ],
        exception_handlers=handlers,
    )
    app.add_middleware(BrokenOff)
    if front.origins:
        app.add_middleware(CrossOrigin, origins=front.origins)
    app.add_middleware(SameOrigin, names=front.names)
    app.add_middleware(OneHost)
    app.add_middleware(Identified, make=front.ids)
    app.add_middleware(Bounded, bodies=front.bodies, expect=front.gateway.expect)
    return app


class Routes:
    """Handlers that read the server through its front."""

    def __init__(self, front: Front) -> None:
        self._front = front

    def of_server(self) -> list[Route]:
        return [
            *(Route(path, self.live) for path in _LIVE),
            *(Route(path, self.ready) for path in _READY),
            Route("/v2", self.server_metadata),
            Route("/v2/models/stats", self.statistics),
            Route("/v2/trace/setting", self.trace_settings, methods=["GET", "POST"]),
            Route("/v2/logging", self.log_settings, methods=["GET", "POST"]),
            Route("/metrics", self.metrics),
        ]

    def of_models(self) -> list[Route]:
        of_model = [
            ("", self.model_metadata, "GET"),
            ("/ready", self.model_ready, "GET"),
            ("/config", self.model_config, "GET"),
            ("/stats", self.statistics, "GET"),
            ("/infer", self.infer, "POST"),
        ]
        bases = ("/v2/models/{name}", "/v2/models/{name}/versions/{version}")
        routes = [Route(base + path, call, methods=[method]) for base in bases for path, call, method in of_model]
        trace = Route("/v2/models/{name}/trace/setting", self.trace_settings, methods=["GET", "POST"])
        return [*routes, trace]

    # ---- the server

    async def live(self, request: Request) -> Response:
        return json_response({"live": True})

    async def ready(self, request: Request) -> Response:
        ready = self._front.ready()
        return json_response({"ready": ready}, 200 if ready else 400)

    async def server_metadata(self, request: Request) -> Response:
        front = self._front
        return json_response(
            {"name": front.server_name, "version": front.server_version, "extensions": front.extensions}
        )

    async def metrics(self, request: Request) -> Response:
        kind, page = await self._front.metrics(request.headers.get("accept", ""))
        return Response(page, headers={"content-type": kind, "vary": "accept"})

    async def trace_settings(self, request: Request) -> Response:
        """Of the server, or of the model in the path. A POST with `null` for a setting clears it."""
        trace, name = self._front.settings.trace, request.path_params.get("name")
        if name is not None:
            self._front.registry.get(ModelRef(name))
        if request.method == "POST":
            sent = await read_json(request, _TRACE, self._front.max_body_bytes)
            trace.update({key: _values(value) for key, value in sent.items()}, name)
        settings = trace.get(name)
        return json_response({key: value if key == "trace_level" else value[0] for key, value in settings.items()})

    async def log_settings(self, request: Request) -> Response:
        log = self._front.settings.log
        if request.method == "POST":
            changes = await read_json(request, _LOG, self._front.max_body_bytes)
            log.update(changes)
        return json_response(log.get())

    # ---- a model

    async def model_metadata(self, request: Request) -> Response:
        served = await self._front.repository.know(_model(request))
        signature = served.signature
        return json_response(
            {
                "name": served.version.name,
                "versions": [str(version) for version in self._front.registry.versions(served.version.name)],
                "platform": signature.platform,
                "inputs": [_describe(spec) for spec in signature.inputs],
                "outputs": [_describe(spec) for spec in signature.outputs],
            }
        )

    async def model_ready(self, request: Request) -> Response:
        name = request.path_params["name"]
        try:
            self._front.registry.get_ready(_model(request))
        except HeadraceError as error:
            told = http_error(error)
            fields = {"name": name, "ready": False, **msgspec.json.decode(told.body)}
            return json_response(fields | {"request_id": shown(id_of(request.scope))}, told.status, told.headers)
        return json_response({"name": name, "ready": True})

    async def model_config(self, request: Request) -> Response:
        return json_response(self._front.model_config(await self._front.repository.know(_model(request))))

    async def statistics(self, request: Request) -> Response:
        """Of a version, of all versions of a model, or of all models."""
        ref = _model(request) if "name" in request.path_params else None
        name = version = None
        if ref is not None:
            served = self._front.registry.get(ref)
            name, version = ref.name, served.version.version if ref.label else ref.version
        return json_response({"model_stats": self._front.statistics(name, version)})

    async def infer(self, request: Request) -> Response:
        """Inference through ASGI: what `infer_lane.py` does, for servers that do not have it."""
        answered: asyncio.Future[Response] = asyncio.get_running_loop().create_future()

        def answer(exchange: Exchange, written: Answer) -> None:
            response = Response(b"".join(written.parts), written.status)
            response.raw_headers += [_header(line) for line in written.headers.splitlines()]
            answered.set_result(response)

        headers = [header for header in request.headers.raw if header[0] != b"content-encoding"]
        exchange = Exchange(self._front, read_head(_model(request), headers, True), answer)
        exchange.receive(bytes(await read_body(request, self._front.max_body_bytes)))
        exchange.run()
        try:
            return await answered
        finally:
            exchange.abandon()


def _model(request: Request) -> ModelRef:
    return read_model(request.path_params["name"], request.path_params.get("version", ""))


def _describe(spec: TensorSpec) -> dict[str, Any]:
    return {"name": spec.name, "datatype": spec.datatype, "shape": spec.shape}


def _values(value: str | int | list[str] | None) -> list[str] | None:
    if value is None or isinstance(value, list):
        return value
    return [str(value)]


def _header(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b": ")
    return name, value
