"""grpc.reflection.v1alpha: what services there are, for clients that ask before they call."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha import reflection, reflection_pb2

from headrace.errors import HeadraceError
from headrace.protocols.grpc.method import Call, Method, Stream
from headrace.protocols.oip.grpc_call import parse_short, refuse
from headrace.types import Buffer

SERVICE = reflection.SERVICE_NAME


def reflect(services: Sequence[str], pool: DescriptorPool) -> dict[str, Method]:
    """Every method of the service by its name: it tells of these services, and of the files in the pool."""
    known: Any = reflection.ReflectionServicer(services, pool)

    async def serve(requests: AsyncIterator[Buffer], call: Call) -> None:
        async for sent in requests:
            try:
                asked = parse_short(reflection_pb2.ServerReflectionRequest, sent)
            except HeadraceError as error:
                refuse(call, error)
                return
            for answer in known.ServerReflectionInfo(iter([asked]), None):
                await call.write(answer.SerializeToString())

    return {"ServerReflectionInfo": Stream(serve)}
