"""Connections of HTTP, against servers in the same loop that do as the test says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from headrace.bench.address import Address
from headrace.bench.http_wire import HttpWire, InferSink, verdict_of
from headrace.bench.samples import Answer
from headrace.bench.wire import Outgoing

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
REQUEST = Outgoing(b"GET / HTTP/1.1\r\n\r\n", b"")
OUTPUTS = b'{"outputs": []}'
OK = b"HTTP/1.1 200 OK\r\nx-batch-size: 2\r\nContent-Length: 15\r\n\r\n" + OUTPUTS


@asynccontextmanager
async def _serving(serve: Serve, most: int = 4) -> AsyncIterator[HttpWire]:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    wire = HttpWire(Address("127.0.0.1", server.sockets[0].getsockname()[1]), most)
    try:
        yield wire
    finally:
        await wire.close()
        server.close()


def _always(answer: bytes, connections: list[int] | None = None) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if connections is not None:
            connections.append(1)
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(answer)
        except asyncio.IncompleteReadError:
            writer.close()

    return serve


async def _ask(wire: HttpWire) -> Answer:
    told: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    wire.send(REQUEST, told.set_result)
    return await asyncio.wait_for(told, 10)


async def test_an_answer_has_its_verdict_and_the_facts_of_its_run() -> None:
    async with _serving(_always(OK)) as wire:
        answer = await _ask(wire)
    assert (answer.verdict, answer.said) == ("answered", "200")
    assert answer.batch
    assert answer.batch.rows == 2


async def test_a_connection_serves_one_request_after_another() -> None:
    connections: list[int] = []
    async with _serving(_always(OK, connections)) as wire:
        for _ in range(5):
            await _ask(wire)
    assert len(connections) == 1


async def test_there_are_as_many_connections_as_requests_up_to_the_most() -> None:
    connections: list[int] = []
    async with _serving(_always(OK, connections), most=3) as wire:
        await asyncio.gather(*(_ask(wire) for _ in range(20)))
        assert wire.held_back == 0  # they all came before a connection was open
        await asyncio.gather(*(_ask(wire) for _ in range(20)))
    assert len(connections) == 3
    assert wire.held_back == 17


async def test_a_refusal_has_its_words() -> None:
    body = b'{"error": "too\\n much"}'
    refusal = b"HTTP/1.1 429 Busy\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    async with _serving(_always(refusal)) as wire:
        answer = await _ask(wire)
    assert (answer.verdict, answer.said, answer.note) == ("shed", "429", body.decode())


@pytest.mark.parametrize(
    "body",
    [
        b'{"model_name": "m", "id": "7", "outputs": []}',
        b'{"outputs":[],"model_name":"m"}',
        b'{"model_name":"m","outputs":[{"name":"y","parameters":{"binary_data_size":4}}]}\0\0\0\0',
        b'{"parameters": {"why": "%b"}, "outputs": []}' % (b"x" * 300_000),
    ],
)
async def test_an_answer_has_outputs_wherever_they_stand(body: bytes) -> None:
    async with _serving(_always(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))) as wire:
        assert (await _ask(wire)).verdict == "answered"


@pytest.mark.parametrize("body", [b"", b"<html>hi</html>", b'{"error":"lies"}', b'{"error":"no \\"outputs\\""}'])
async def test_a_200_without_outputs_is_an_error_in_the_servers_words(body: bytes) -> None:
    async with _serving(_always(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))) as wire:
        answer = await _ask(wire)
    assert (answer.verdict, answer.said, answer.note) == ("error", "200 without outputs", body.decode())


def test_outputs_are_found_where_their_name_comes_in_two_pieces() -> None:
    told: list[Answer] = []
    sink = InferSink(told.append)
    sink.head(200, b"")
    for piece in (b"{", b'"out', b"put", b's":[]}'):
        sink.piece(piece)
    sink.end()
    assert told[0].verdict == "answered"


def test_what_is_compressed_counts_by_its_status() -> None:
    told: list[Answer] = []
    sink = InferSink(told.append)
    sink.head(200, b"http/1.1 200 ok\r\ncontent-encoding: gzip")
    sink.piece(b"\x1f\x8b")
    sink.end()
    assert told[0].verdict == "answered"


async def test_a_connection_that_the_server_ends_is_replaced() -> None:
    connections: list[int] = []
    closing = OK.replace(b"Content", b"Connection: close\r\nContent")
    async with _serving(_always(closing, connections)) as wire:
        assert [(await _ask(wire)).verdict for _ in range(3)] == ["answered"] * 3
    assert len(connections) == 3


async def test_a_request_whose_connection_breaks_is_lost() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK[:20])
        writer.close()

    async with _serving(serve) as wire:
        answer = await _ask(wire)
    assert (answer.verdict, answer.said) == ("lost", "the server closed the connection")


@pytest.mark.parametrize("content", [OK[:-3], b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"])
async def test_an_answer_that_breaks_off_is_an_error_for_a_server_is_there(content: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(content)
        writer.close()

    async with _serving(serve) as wire:
        answer = await _ask(wire)
        with pytest.raises(ConnectionError, match="the server closed the connection"):
            await wire.fetch(REQUEST.head)
    assert (answer.verdict, answer.said, answer.note) == (
        "error",
        "broken answer",
        "the server closed the connection",
    )


async def test_a_server_that_is_not_there_is_told() -> None:
    async with _serving(_always(OK)) as wire:
        pass
    wire = HttpWire(wire._address, 2)
    answers = await asyncio.gather(*(_ask(wire) for _ in range(4)))
    assert {(each.verdict, each.said) for each in answers} == {("lost", "connection refused")}
    await wire.close()


async def test_what_does_not_speak_http_is_told() -> None:
    async with _serving(_always(b"SSH-2.0-OpenSSH_9.2\r\n")) as wire:
        answer = await _ask(wire)
    assert (answer.verdict, answer.said) == ("lost", "not HTTP: it begins with b'SSH-2.0-OpenSSH_'")


async def test_who_waits_no_longer_is_not_told_and_closes_the_connection() -> None:
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await reader.read()
        gone.set()
        writer.close()

    asked = asyncio.Event()
    told: list[Answer] = []
    async with _serving(serve) as wire:
        cancel = wire.send(REQUEST, told.append)
        await asked.wait()
        cancel()
        await asyncio.wait_for(gone.wait(), 10)
    assert told == []


async def test_an_answer_can_be_had_whole() -> None:
    async with _serving(_always(OK)) as wire:
        assert (await wire.fetch(REQUEST.head))[::2] == (200, OUTPUTS)


async def test_no_answer_at_all_is_an_error_of_the_connection() -> None:
    async with _serving(_always(b"")) as wire:
        with pytest.raises(ConnectionError, match=r"no answer in 0\.05 s"):
            await wire.fetch(REQUEST.head, limit_s=0.05)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [(200, "answered"), (429, "shed"), (503, "shed"), (504, "shed"), (500, "error"), (400, "error")],
)
def test_a_status_is_a_verdict(status: int, verdict: str) -> None:
    assert verdict_of(status) == verdict
