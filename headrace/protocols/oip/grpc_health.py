"""grpc.health.v1: the server by an empty name or the service's, a model by its own."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from grpc_health.v1 import health_pb2

from headrace.errors import HeadraceError, NotFound
from headrace.protocols.grpc.method import Call, Method, Stream
from headrace.protocols.oip.front import Front
from headrace.protocols.oip.grpc_call import parse_short, prompt, refuse
from headrace.types import Buffer

SERVICE = "grpc.health.v1.Health"
_POLL_S = 1.0
_SERVER = ("", "inference.GRPCInferenceService")


class Health:
    """Says what is ready at the moment of asking. A watch looks again every second until its client leaves."""

    def __init__(self, front: Front) -> None:
        self._front = front

    def methods(self) -> dict[str, Method]:
        """Every method of the service by its name."""
        return {"Check": prompt(health_pb2.HealthCheckRequest, self.check), "Watch": Stream(self.watch)}

    def check(self, message: Any, call: Call) -> Any:
        status = self._status(message.service)
        if status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN:
            raise NotFound(f"{message.service!r} is neither a service nor a model", "service")
        return health_pb2.HealthCheckResponse(status=status)

    async def watch(self, requests: AsyncIterator[Buffer], call: Call) -> None:
        async for sent in requests:
            try:
                service = parse_short(health_pb2.HealthCheckRequest, sent).service
            except HeadraceError as error:
                refuse(call, error)
                return
            last = None
            while True:
                status = self._status(service)
                if status != last:
                    await call.write(health_pb2.HealthCheckResponse(status=status).SerializeToString())
                    last = status
                await asyncio.sleep(_POLL_S)

    def _status(self, service: str) -> Any:
        states = health_pb2.HealthCheckResponse
        if service in _SERVER:
            return states.SERVING if self._front.ready() else states.NOT_SERVING
        if self._front.registry.default(service):
            return states.SERVING
        known = any(status.name == service for status in self._front.repository.index())
        return states.NOT_SERVING if known else states.SERVICE_UNKNOWN
