"""grpc.health.v1 as load balancers and orchestrators ask it."""

from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from headrace.models.wishes import Wishes
from tests.protocols.oip.grpc_server import Kind, serving
from tests.protocols.oip.stub import Stub

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING


def asked(service: str) -> Any:
    return health_pb2.HealthCheckRequest(service=service)


@pytest.mark.parametrize("service", ["", "inference.GRPCInferenceService"])
@pytest.mark.parametrize(("ready", "status"), [(True, SERVING), (False, NOT_SERVING)])
async def test_the_server_serves_once_it_is_ready(kind: Kind, service: str, ready: bool, status: Any) -> None:
    stub = Stub()
    stub.is_ready = ready
    async with serving(stub, kind) as client:
        answer = await health_pb2_grpc.HealthStub(client.channel).Check(asked(service))
    assert answer.status == status


@pytest.mark.parametrize(("model", "status"), [("add_sub", SERVING), ("broken", NOT_SERVING)])
async def test_a_model_is_asked_for_by_its_name(kind: Kind, model: str, status: Any) -> None:
    async with serving(Stub(), kind) as client:
        answer = await health_pb2_grpc.HealthStub(client.channel).Check(asked(model))
    assert answer.status == status


async def test_a_model_does_not_serve_while_its_stable_version_is_not_there(kind: Kind) -> None:
    stub = Stub()
    stub.registry.wish("add_sub", Wishes(labels={"stable": 99}))
    async with serving(stub, kind) as client:
        answer = await health_pb2_grpc.HealthStub(client.channel).Check(asked("add_sub"))
    assert answer.status == NOT_SERVING


async def test_what_is_neither_service_nor_model_is_not_found(kind: Kind) -> None:
    async with serving(Stub(), kind) as client:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await health_pb2_grpc.HealthStub(client.channel).Check(asked("nothing"))
    assert refused.value.code() == grpc.StatusCode.NOT_FOUND


async def test_a_watch_starts_with_what_is_so_now(kind: Kind) -> None:
    async with serving(Stub(), kind) as client:
        watch = health_pb2_grpc.HealthStub(client.channel).Watch(asked("nothing"))
        first = await watch.read()
        watch.cancel()
    assert first.status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
