"""What clients ask about the server and its models, on a real connection."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import pytest

from headrace.generated import service_pb2 as pb
from headrace.protocols.oip.front import EXTENSIONS
from tests.protocols.oip.grpc_server import Client, Kind, serving
from tests.protocols.oip.stub import Stub


@asynccontextmanager
async def server(kind: Kind) -> AsyncIterator[tuple[Stub, Client]]:
    stub = Stub()
    async with serving(stub, kind) as client:
        yield stub, client


async def test_the_server_is_live_before_it_is_ready(kind: Kind) -> None:
    async with server(kind) as (stub, client):
        stub.is_ready = False
        assert (await client.call("ServerLive")).live
        assert not (await client.call("ServerReady")).ready
        stub.is_ready = True
        assert (await client.call("ServerReady")).ready


async def test_the_server_names_itself_and_its_extensions(kind: Kind) -> None:
    async with server(kind) as (_, client):
        answer = await client.call("ServerMetadata")
    assert (answer.name, answer.version, tuple(answer.extensions)) == ("headrace", "0.0.0", EXTENSIONS)


@pytest.mark.parametrize(
    ("name", "version", "ready"),
    [
        ("add_sub", "", True),
        ("add_sub", "2", True),
        ("add_sub", "9", False),
        ("add_sub", "x", False),
        ("nothing", "", False),
        ("add_sub_loading", "", False),
    ],
)
async def test_a_model_is_ready_or_not_without_an_error(kind: Kind, name: str, version: str, ready: bool) -> None:
    async with server(kind) as (_, client):
        answer = await client.call("ModelReady", pb.ModelReadyRequest(name=name, version=version))
    assert answer.ready == ready


async def test_a_models_metadata_has_its_versions_inputs_and_outputs(kind: Kind) -> None:
    async with server(kind) as (_, client):
        answer = await client.call("ModelMetadata", pb.ModelMetadataRequest(name="add_sub"))
    assert (answer.name, list(answer.versions), answer.platform) == ("add_sub", ["1", "2"], "stub")
    assert [(one.name, one.datatype, list(one.shape)) for one in answer.inputs] == [
        ("INPUT0", "INT32", [-1, 16]),
        ("INPUT1", "INT32", [-1, 16]),
    ]
    assert [one.name for one in answer.outputs] == ["OUTPUT0", "OUTPUT1"]


async def test_a_models_configuration_tells_of_its_batches(kind: Kind) -> None:
    async with server(kind) as (_, client):
        config = (await client.call("ModelConfig", pb.ModelConfigRequest(name="add_sub"))).config
    assert (config.name, config.max_batch_size) == ("add_sub", 8)


@pytest.mark.parametrize(
    ("name", "version", "told"),
    [("", "", 10), ("add_sub", "", 2), ("add_sub", "2", 1)],
)
async def test_statistics_are_of_all_models_of_one_or_of_a_version(
    kind: Kind, name: str, version: str, told: int
) -> None:
    async with server(kind) as (stub, client):
        answer = await client.call("ModelStatistics", pb.ModelStatisticsRequest(name=name, version=version))
        everything = sum(len(stub.registry.versions(known)) for known in stub.registry.names())
    assert len(answer.model_stats) == (told if name else everything)


@pytest.mark.parametrize("method", ["ModelMetadata", "ModelConfig", "ModelStatistics"])
async def test_an_unknown_model_is_not_found(kind: Kind, method: str) -> None:
    message = getattr(pb, f"{method}Request")(name="nothing")
    async with server(kind) as (_, client):
        refused = await client.refusal(method, message)
    assert refused[:2] == (grpc.StatusCode.NOT_FOUND, "model 'nothing' is not in the repository")
