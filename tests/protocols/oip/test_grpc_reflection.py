"""What a client learns that asks which services there are."""

from collections.abc import AsyncIterator

from google.protobuf.descriptor_pool import Default
from grpc_reflection.v1alpha import reflection_pb2

from headrace.protocols.grpc.method import Stream
from headrace.protocols.oip.grpc_reflection import reflect
from headrace.types import Buffer
from tests.protocols.oip.fake_call import FakeCall


async def conversation(*sent: bytes) -> FakeCall:
    async def requests() -> AsyncIterator[Buffer]:
        for one in sent:
            yield one

    call, method = FakeCall(), reflect(["inference.A", "inference.B"], Default())["ServerReflectionInfo"]
    assert isinstance(method, Stream)
    await method.serve(requests(), call)
    return call


async def test_the_services_are_listed() -> None:
    call = await conversation(reflection_pb2.ServerReflectionRequest(list_services="").SerializeToString())
    answer = reflection_pb2.ServerReflectionResponse.FromString(call.written[0])
    assert [service.name for service in answer.list_services_response.service] == ["inference.A", "inference.B"]


async def test_bytes_that_are_no_request_end_the_call_as_the_clients_fault() -> None:
    call = await conversation(b"\xff")
    assert call.ended is not None
    assert call.ended.code == 3
