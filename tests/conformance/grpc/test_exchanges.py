"""Every method of the protocol over gRPC answers as its golden exchanges say."""

from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from headrace.protocols.oip.grpc import SERVICE
from tests.conformance.grpc.golden import FOLDER, METHODS, Exchange, read
from tests.protocols.oip.grpc_server import Client, Kind, serving
from tests.protocols.oip.stub import Stub

FILES = sorted(FOLDER.glob("*.txt"))


async def converse(client: Client, exchange: Exchange) -> tuple[str, list[Message]]:
    """The status and the answers that the server gives."""
    kind = METHODS[exchange.method]
    call = client.channel.stream_stream if kind.client_streaming else client.channel.unary_unary
    method: Any = call(
        f"/{SERVICE}/{exchange.method}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=GetMessageClass(kind.output_type).FromString,
    )
    try:
        if kind.client_streaming:
            return "OK", [answer async for answer in method(iter(exchange.requests))]
        return "OK", [await method(exchange.requests[0])]
    except grpc.aio.AioRpcError as error:
        return f"{error.code().name}: {error.details()}", []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_the_exchange_is_as_it_is_written(kind: Kind, file: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(192))
    exchange, stub = read(file), Stub(folder=tmp_path)
    stub.front.regions.register("given", "/file", 0, 192)
    async with serving(stub, kind) as client:
        status, answers = await converse(client, exchange)
    stub.front.regions.close()
    assert (status, answers) == (exchange.status, exchange.answers)


def test_every_method_has_an_exchange() -> None:
    assert {read(file).method for file in FILES} == set(METHODS)
