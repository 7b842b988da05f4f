"""Calls of gRPC: what their ends mean; a real server is met in tests/e2e."""

import asyncio
from collections.abc import Callable

import pytest

from headrace.bench import http2_frames as h2
from headrace.bench.address import Address
from headrace.bench.grpc_wire import GrpcWire, call_head, framed, status_of
from headrace.bench.hpack_plain import read_plain
from headrace.bench.http2_frames import plain_headers
from headrace.bench.samples import Answer
from headrace.bench.wire import Outgoing


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({b"grpc-status": b"0"}, ("OK", "")),
        ({b"grpc-status": b"8", b"grpc-message": b"too%20many"}, ("RESOURCE_EXHAUSTED", "too many")),
        ({b"grpc-status": b"99"}, ("UNKNOWN", "")),
        ({b":status": b"503"}, ("UNAVAILABLE", "HTTP status 503, and no grpc-status")),
        ({b":status": b"200"}, ("UNKNOWN", "HTTP status 200, and no grpc-status")),
    ],
)
def test_trailers_are_a_code_and_words(fields: dict[bytes, bytes], status: tuple[str, str]) -> None:
    assert status_of(fields) == status


async def answer_of(said: Callable[[int], bytes], *, closes: bool = False) -> Answer:
    """What a call is told of a server that says this of its stream, and may close the connection behind it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(h2.settings([]))
        frames = h2.FrameReader()
        await reader.readexactly(len(h2.PREFACE))
        while data := await reader.read(1 << 16):
            for each in frames.feed(data):
                if each.kind == h2.DATA:
                    writer.write(said(each.stream))
                    if closes:
                        writer.close()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    wire = GrpcWire(Address("127.0.0.1", server.sockets[0].getsockname()[1]), 2)
    told: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    wire.send(Outgoing(b"", framed(b"")), told.set_result)
    answer = await asyncio.wait_for(told, 10)
    await wire.close()
    server.close()
    return answer


@pytest.mark.parametrize(
    ("code", "verdict", "said"),
    [
        (7, "shed", "UNAVAILABLE"),
        (11, "shed", "RESOURCE_EXHAUSTED"),
        (8, "error", "CANCELLED"),
        (2, "error", "INTERNAL"),
    ],
)
async def test_a_stream_that_the_server_resets_is_an_answer_too(code: int, verdict: str, said: str) -> None:
    answer = await answer_of(lambda number: h2.frame(h2.RST_STREAM, 0, number, code.to_bytes(4, "big")))
    assert (answer.verdict, answer.said) == (verdict, said)


async def test_an_answer_that_breaks_off_is_an_error_for_a_server_is_there() -> None:
    head = plain_headers([(":status", "200")])
    answer = await answer_of(lambda number: h2.frame(h2.HEADERS, h2.END_HEADERS, number, head), closes=True)
    assert (answer.verdict, answer.said) == ("error", "broken answer")


def test_a_message_has_its_length_before_it() -> None:
    assert framed(b"abc") == b"\0\0\0\0\3abc"


def test_the_headers_of_a_call_have_the_metadata() -> None:
    fields = read_plain(call_head(Address("host", 8001), "/s/M", {"X-Tenant": "blue"}))
    assert fields
    assert (fields[b":path"], fields[b":authority"], fields[b"x-tenant"]) == (b"/s/M", b"host:8001", b"blue")


async def test_a_server_that_is_not_there_is_told() -> None:
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    wire = GrpcWire(Address("127.0.0.1", port), 2)
    told: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    wire.send(Outgoing(b"", b""), told.set_result)
    answer = await asyncio.wait_for(told, 10)
    assert (answer.verdict, answer.said) == ("lost", "connection refused")
    with pytest.raises(ConnectionError, match="connection refused"):
        await wire.call(b"", b"")
    await wire.close()
