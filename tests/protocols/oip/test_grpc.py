"""The server as a whole: its methods, its limits, and what reflection tells of it."""

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from headrace.errors import SettingInvalid
from headrace.protocols.oip.grpc import SERVICE, create_server, listen_at, methods
from tests.protocols.oip.grpc_server import METHODS, Kind, infer_message, serving
from tests.protocols.oip.stub import Stub


async def test_every_method_of_the_service_is_there() -> None:
    assert set(methods(Stub().front)) == set(METHODS.keys())


async def test_messages_over_grpcs_own_limit_are_taken(kind: Kind) -> None:
    async with serving(Stub(), kind) as client, unlimited(client.target) as channel:
        call = channel.unary_unary(f"/{SERVICE}/ModelInfer", request_serializer=bytes, response_deserializer=len)
        assert await call(infer_message(count=1 << 20).SerializeToString()) > 4 << 20


async def test_a_message_over_the_limit_is_refused_also_once_it_is_unpacked(kind: Kind) -> None:
    message = infer_message(count=1 << 18).SerializeToString()  # 3 MiB of zeros
    async with serving(Stub(), kind, max_message_bytes=1 << 20) as client:
        for compression in (grpc.Compression.NoCompression, grpc.Compression.Gzip):
            refused = await client.refusal("ModelInfer", message, compression=compression)
            assert refused.code == grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
async def test_compressed_messages_are_understood(kind: Kind, compression: grpc.Compression) -> None:
    async with serving(Stub(), kind) as client:
        answer = await client.call("ModelInfer", infer_message(id="7"), compression=compression)
    assert answer.id == "7"


async def test_metadata_over_the_limit_is_refused(kind: Kind) -> None:
    async with serving(Stub(max_header_bytes=8192), kind) as client:
        refused = await client.refusal("ServerLive", metadata=(("x", "y" * 16_000),))
    assert refused.code == grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_reflection_lists_the_services_and_describes_ours(kind: Kind) -> None:
    ask = reflection_pb2.ServerReflectionRequest
    async with serving(Stub(), kind) as client:
        call = reflection_pb2_grpc.ServerReflectionStub(client.channel).ServerReflectionInfo()
        await call.write(ask(list_services=""))
        services = {service.name for service in (await call.read()).list_services_response.service}
        await call.write(ask(file_containing_symbol=SERVICE))
        files = (await call.read()).file_descriptor_response.file_descriptor_proto
        await call.done_writing()
    assert {SERVICE, "grpc.health.v1.Health"} < services
    described = FileDescriptorProto.FromString(files[0])
    assert {method.name for method in described.service[0].method} == set(METHODS.keys())


async def test_a_server_listens_and_tells_where(kind: Kind) -> None:
    server = create_server(Stub().front, kind=kind)
    where = await listen_at(server, "127.0.0.1", 0)
    try:
        async with grpc.aio.insecure_channel(where) as channel:
            await channel.channel_ready()
    finally:
        await server.stop(None)


async def test_an_address_that_is_taken_is_refused(kind: Kind) -> None:
    async with serving(Stub(), kind) as client:
        other = create_server(Stub().front, kind=kind)
        with pytest.raises(SettingInvalid, match=r"^server\.grpc_port: "):
            await listen_at(other, "127.0.0.1", int(client.target.rpartition(":")[2]))


def unlimited(target: str) -> grpc.aio.Channel:
    sizes = [(f"grpc.max_{way}_message_length", -1) for way in ("send", "receive")]
    return grpc.aio.insecure_channel(target, options=sizes)
