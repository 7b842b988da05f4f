"""A real gRPC server in the test's own event loop, over the stub; and a client of bare messages."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext
from typing import Any, Literal, NamedTuple

import grpc
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from headrace.generated import service_pb2 as pb
from headrace.protocols.beside import Beside
from headrace.protocols.bodies import Bodies
from headrace.protocols.grpc import server as native
from headrace.protocols.grpc.method import Method
from headrace.protocols.http2.limits import Limits
from headrace.protocols.oip import grpc_server
from headrace.protocols.oip.grpc import SERVICE, UNLIMITED, Server, create_server
from tests.protocols.oip.stub import Stub

Kind = Literal["native", "grpcio"]
METHODS = pb.DESCRIPTOR.services_by_name["GRPCInferenceService"].methods_by_name


class Refused(NamedTuple):
    """How a call was refused."""

    code: grpc.StatusCode
    details: str
    trailers: dict[str, str]


class Client:
    """Calls methods by name; `target` is the server's address."""

    def __init__(self, channel: grpc.aio.Channel, target: str) -> None:
        self.channel = channel
        self.target = target

    def start(self, method: str, message: Message | bytes | None = None, **options: Any) -> Any:
        """A call under way; without a message, the empty one of its kind."""
        kind = METHODS[method]
        sent = GetMessageClass(kind.input_type)() if message is None else message
        raw = sent if isinstance(sent, bytes) else sent.SerializeToString()
        call = self.channel.unary_unary(
            f"/{SERVICE}/{method}",
            request_serializer=bytes,
            response_deserializer=GetMessageClass(kind.output_type).FromString,
        )
        return call(raw, **options)

    async def call(self, method: str, message: Message | bytes | None = None, **options: Any) -> Any:
        return await self.start(method, message, **options)

    async def refusal(self, method: str, message: Message | bytes | None = None, **options: Any) -> Refused:
        """The refusal that the call must meet with."""
        try:
            answer = await self.start(method, message, **options)
        except grpc.aio.AioRpcError as error:
            return refused(error)
        raise AssertionError(f"answered: {answer}")

    def stream(self, **options: Any) -> Any:
        """A ModelStreamInfer call: write, read, done_writing."""
        call = self.channel.stream_stream(
            f"/{SERVICE}/ModelStreamInfer",
            request_serializer=lambda sent: sent if isinstance(sent, bytes) else sent.SerializeToString(),
            response_deserializer=pb.ModelStreamInferResponse.FromString,
        )
        return call(**options)


def refused(error: grpc.aio.AioRpcError) -> Refused:
    sent: Any = error.trailing_metadata()
    trailers = {key: str(value) for key, value in sent or ()}
    return Refused(error.code(), error.details() or "", trailers)


def table_server(kind: Kind, methods: Mapping[str, Method]) -> Server:
    """A server of bare methods, by their full names."""
    return (
        grpc_server.Server(methods)
        if kind == "grpcio"
        else native.Server(methods, UNLIMITED, Limits(), Beside(nullcontext), Bodies(1 << 20))
    )


@asynccontextmanager
async def serving(stub: Stub, kind: Kind = "native", **limits: int) -> AsyncIterator[Client]:
    """A client of a server over the stub."""
    server = create_server(stub.front, kind=kind, **limits)
    target = f"127.0.0.1:{await server.listen('127.0.0.1', 0)}"
    try:
        async with grpc.aio.insecure_channel(target) as channel:
            yield Client(channel, target)
    finally:
        await server.stop(None)


def infer_message(model: str = "scores", count: int = 1, **fields: Any) -> pb.ModelInferRequest:
    """A request for a model of the stub with an FP32 `INPUT`: `count` rows of 3 for scores, else `count` numbers."""
    message = pb.ModelInferRequest(model_name=model, **fields)
    shape = [count, 3] if model == "scores" else [count]
    message.inputs.add(name="INPUT", datatype="FP32", shape=shape)
    message.raw_input_contents.append(bytes(4 * count * (3 if model == "scores" else 1)))
    return message
