"""What a connection does not put up with, and how it ends."""

import asyncio
import gzip
import re
from typing import cast

import pytest

from headrace.protocols.oip.infer_lane import InferLane
from tests.protocols.oip.fake_transport import FakeTimers, connect
from tests.protocols.oip.http_server import connected, request_bytes, serving
from tests.protocols.oip.infer_bodies import ADD_SUB, LATE, add_sub_json, floats, server
from tests.protocols.oip.stub import Stub

# ---- limits


async def test_a_body_announced_over_the_limit_is_refused_before_it_is_sent() -> None:
    async with server(Stub(max_body_bytes=1000)) as (_, wire):
        wire.send(request_bytes("POST", ADD_SUB, bytes(1001))[:-1001])
        answer = await wire.answer()
        assert (answer.status, answer.headers["connection"]) == (413, "close")
        assert "limit of 1000 bytes" in answer.json["error"]


async def test_a_client_that_sends_a_body_over_the_limit_all_the_same_still_gets_the_answer() -> None:
    async with server(Stub(max_body_bytes=1000)) as (_, wire):
        wire.post(ADD_SUB, bytes(4_000_000))
        assert (await wire.answer()).status == 413
        assert await wire.closed()


async def test_a_chunked_body_is_refused_as_soon_as_it_is_over_the_limit() -> None:
    head = f"POST {ADD_SUB} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    async with server(Stub(max_body_bytes=1000)) as (_, wire):
        wire.send(head + b"3e9\r\n" + bytes(1001))
        assert (await wire.answer()).status == 413


@pytest.mark.parametrize("path", [ADD_SUB, "/v2/health/live"])
@pytest.mark.parametrize("whole", [True, False])
async def test_a_header_block_over_the_limit_is_refused_on_every_route(path: str, whole: bool) -> None:
    async with server(Stub(max_header_bytes=2000)) as (_, wire):
        request = request_bytes("POST", path, b"", X_Long="x" * 3000)
        wire.send(request if whole else request[:-10])
        answer = await wire.answer()
        assert (answer.status, answer.json["code"]) == (431, "headers_too_large")
        assert await wire.closed()


async def test_many_small_headers_over_the_limit_are_refused() -> None:
    async with server(Stub(max_header_bytes=2000)) as (_, wire):
        wire.send(b"GET /v2 HTTP/1.1\r\n" + b"a: b\r\n" * 1000 + b"\r\n")
        assert (await wire.answer()).status == 431


async def test_trailers_over_the_limit_are_refused() -> None:
    head = f"POST {ADD_SUB} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n1\r\n0\r\n".encode()
    async with server(Stub(max_header_bytes=2000)) as (_, wire):
        wire.send(head + b"t: " + b"x" * 1_000_000)
        assert (await wire.answer()).status == 431


async def test_a_gzip_body_is_read_and_a_bomb_refused() -> None:
    async with server(Stub(max_body_bytes=10_000)) as (_, wire):
        good = await wire.ask("POST", ADD_SUB, gzip.compress(add_sub_json()), Content_Encoding="gzip")
        bomb = await wire.ask("POST", ADD_SUB, gzip.compress(bytes(20_000)), Content_Encoding="gzip")
    assert (good.status, bomb.status) == (200, 413)


async def test_an_answer_is_compressed_where_the_client_asks() -> None:
    body = floats(*range(3000))
    async with server() as (_, wire):
        plain = await wire.ask("POST", "/v2/models/scores/infer", body.replace(b"[3000]", b"[1000,3]"))
        small = await wire.ask(
            "POST", "/v2/models/scores/infer", body.replace(b"[3000]", b"[1000,3]"), Accept_Encoding="gzip"
        )
    assert small.headers["content-encoding"] == "gzip"
    assert gzip.decompress(small.body) == plain.body


@pytest.mark.parametrize("length", ["-1", "x", "1e3", "99999", "9" * 40, ""])
async def test_a_json_length_that_cannot_be_is_refused(length: str) -> None:
    async with server() as (_, wire):
        answer = await wire.ask("POST", ADD_SUB, add_sub_json(), Inference_Header_Content_Length=length)
        assert answer.status == 400
        assert "Inference-Header-Content-Length" in answer.json["error"]
        assert (await wire.ask("POST", ADD_SUB, add_sub_json())).status == 200


@pytest.mark.parametrize(
    "noise", [b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"]
)
async def test_what_is_not_http_is_answered_and_closed(noise: bytes) -> None:
    async with server() as (_, wire):
        wire.send(noise)
        answer = await wire.answer()
        assert (answer.status, answer.json["code"]) == (400, "invalid_request")
        assert await wire.closed()


@pytest.mark.parametrize("line", [f"POST {ADD_SUB}", "GET /v2", "GET /nowhere"])
async def test_a_request_without_a_host_is_refused_on_every_route(line: str) -> None:
    async with server() as (_, wire):
        wire.send(f"{line} HTTP/1.1\r\nContent-Length: 0\r\n\r\n".encode())
        answer = await wire.answer()
        assert (answer.status, answer.json["code"]) == (400, "invalid_request")
        assert answer.json["error"].startswith("host: is missing")
        assert await wire.closed()


@pytest.mark.parametrize("line", [f"POST {ADD_SUB}", "GET /v2"])
@pytest.mark.parametrize("version", ["0.9", "1.2", "2.0"])
async def test_lines_of_another_version_of_http_are_refused_on_every_route(line: str, version: str) -> None:
    async with server() as (_, wire):
        wire.send(f"{line} HTTP/{version}\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode())
        answer = await wire.answer()
        assert (answer.status, answer.json["error"]) == (400, "not HTTP/1.1: Invalid HTTP version")
        assert await wire.closed()


async def test_noise_after_a_request_comes_after_its_answer() -> None:
    async with server() as (stub, wire):
        wire.send(request_bytes("POST", LATE, floats(1)) + b"\x00\x01noise\r\n\r\n")
        await stub.late.arrived.wait()
        stub.late.answer_next()
        assert [(await wire.answer()).status, (await wire.answer()).status] == [200, 400]


async def test_a_broken_chunk_is_answered() -> None:
    async with server() as (_, wire):
        wire.send(f"POST {ADD_SUB} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".encode())
        assert (await wire.answer()).status == 400


async def test_a_broken_chunk_of_an_ordinary_request_is_refused_and_closes_its_connection() -> None:
    async with server() as (_, wire):
        wire.send(b"POST /v2/logging HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
        answer = await wire.answer()
        assert (answer.status, answer.headers["connection"]) == (400, "close")
        assert await wire.closed()


@pytest.mark.parametrize("path", [ADD_SUB, "/v2/logging"])
@pytest.mark.parametrize(("coding", "status"), [("gzip, chunked", 501), ("identity", 501), ("chunked, chunked", 400)])
async def test_a_coding_that_is_not_chunks_alone_has_one_answer_and_closes_the_connection(
    path: str, coding: str, status: int
) -> None:
    async with server() as (_, wire):
        wire.send(f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: {coding}\r\n\r\n0\r\n\r\n".encode())
        answer = await wire.answer()
        assert (answer.status, answer.headers["connection"]) == (status, "close")
        assert await wire.closed()


async def test_a_broken_request_whose_route_has_not_answered_yet_has_one_answer() -> None:
    async with server() as (_, wire):
        wire.send(b"POST /nowhere HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
        assert (await wire.answer()).status == 400
        assert await wire.closed()


# ---- the end of a connection


async def test_a_client_that_goes_away_takes_its_requests_with_it() -> None:
    stub = Stub()
    async with serving(stub) as (port, _):
        async with connected(port) as wire:
            wire.post(LATE, floats(1))
            await stub.late.arrived.wait()
            stub.late.arrived.clear()
        await stub.late.arrived.wait()
    assert stub.late.cancelled == 1
    assert stub.gateway.in_flight == 0


async def test_a_running_request_is_answered_at_shutdown_and_the_connection_closed() -> None:
    stub = Stub()
    async with serving(stub) as (port, uvicorn_server), connected(port) as wire:
        wire.post(LATE, floats(1))
        await stub.late.arrived.wait()
        for connection in list(uvicorn_server.server_state.connections):
            connection.shutdown()
        stub.late.answer_next()
        answer = await wire.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert await wire.closed()


@pytest.mark.parametrize("path", [ADD_SUB, "/v2"])
async def test_a_request_on_a_kept_connection_is_answered_while_the_server_drains_and_told_that_it_closes(
    path: str,
) -> None:
    stub = Stub()
    async with serving(stub) as (port, uvicorn_server), connected(port) as wire:
        assert "connection" not in (await wire.ask("POST", ADD_SUB, add_sub_json())).headers
        await stub.gateway.drain()
        for connection in list(uvicorn_server.server_state.connections):
            cast(InferLane, connection).drain()
        answer = await wire.ask("POST" if path == ADD_SUB else "GET", path, add_sub_json())
        expected = (503, "1") if path == ADD_SUB else (200, None)
        assert (answer.status, answer.headers.get("retry-after")) == expected
        assert answer.headers["connection"] == "close"
        assert await wire.closed()


async def test_what_runs_when_the_server_begins_to_drain_is_answered_and_told_that_the_connection_closes() -> None:
    stub = Stub()
    async with serving(stub) as (port, uvicorn_server), connected(port) as wire:
        wire.post(LATE, floats(1))
        await stub.late.arrived.wait()
        draining = asyncio.create_task(stub.gateway.drain())
        for connection in list(uvicorn_server.server_state.connections):
            cast(InferLane, connection).drain()
        stub.late.answer_next()
        answer = await wire.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert await wire.closed()
        await draining


async def test_an_idle_connection_is_closed_at_shutdown() -> None:
    stub = Stub()
    async with serving(stub) as (port, uvicorn_server), connected(port) as wire:
        await wire.ask("POST", ADD_SUB, add_sub_json())
        for connection in list(uvicorn_server.server_state.connections):
            connection.shutdown()
        assert await wire.closed()


async def test_an_idle_connection_is_closed_after_its_time() -> None:
    timers = FakeTimers()
    connection, transport = connect(Stub(), timers)
    timers.pass_s(4)
    connection.data_received(request_bytes("POST", ADD_SUB, add_sub_json()))
    timers.pass_s(4)
    assert not transport.closed
    timers.pass_s(1)
    assert transport.closed


async def test_a_running_request_keeps_its_connection_open() -> None:
    stub, timers = Stub(), FakeTimers()
    connection, transport = connect(stub, timers)
    connection.data_received(request_bytes("POST", LATE, floats(1)))
    timers.pass_s(60)
    assert not transport.closed
    stub.late.answer_next()
    assert b"200 OK" in transport.written
    timers.pass_s(5)
    assert transport.closed


async def test_a_client_that_is_slow_with_its_headers_is_closed() -> None:
    timers = FakeTimers()
    connection, transport = connect(Stub(), timers)
    for _ in range(5):
        connection.data_received(b"POST / HTTP/1.1\r\n"[:4])
        timers.pass_s(1)
    assert transport.closed


async def test_a_client_that_stops_within_a_body_is_closed_and_one_that_goes_on_is_not() -> None:
    for target in (ADD_SUB, "/v2/logging"):
        timers = FakeTimers()
        connection, transport = connect(Stub(), timers)
        connection.data_received(request_bytes("POST", target, bytes(100))[:-100])
        for _ in range(5):
            timers.pass_s(4)
            connection.data_received(b" ")
        assert not transport.closed
        timers.pass_s(4)
        timers.pass_s(1)
        assert transport.closed


async def test_a_client_that_stops_taking_its_answers_is_cut_off_and_a_slow_one_is_not() -> None:
    timers = FakeTimers()
    connection, transport = connect(Stub(), timers)
    connection.pause_writing()
    connection.data_received(request_bytes("POST", ADD_SUB, add_sub_json()))
    for left in (300, 200, 100):
        transport.unsent = bytes(left)
        timers.pass_s(4)
        timers.pass_s(1)
        assert not transport.closed
    timers.pass_s(5)
    assert transport.closed


async def test_chunk_extensions_without_end_are_cut_off() -> None:
    head = b"POST /v2/logging HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;"
    connection, transport = connect(Stub(max_header_bytes=2048))
    connection.data_received(head)
    connection.data_received(b"x" * 3000)
    assert transport.written.startswith(b"HTTP/1.1 431")


async def test_an_ordinary_request_that_breaks_before_its_turn_is_refused_in_its_turn() -> None:
    stub, head = Stub(), b"POST /v2/logging HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
    connection, transport = connect(stub)
    connection.data_received(request_bytes("POST", LATE, floats(1)) + head)
    assert transport.written == b""
    stub.late.answer_next()
    await asyncio.sleep(0)
    assert re.findall(rb"HTTP/1.1 ([0-9]+)", transport.written) == [b"200", b"400"]


async def test_a_client_that_does_not_read_its_answers_is_not_read_from() -> None:
    connection, transport = connect(Stub())
    connection.pause_writing()
    assert not transport.reading
    connection.data_received(request_bytes("POST", ADD_SUB, add_sub_json()) + request_bytes("POST", ADD_SUB, b"{}"))
    await asyncio.sleep(0)
    assert not transport.reading
    connection.resume_writing()
    assert transport.reading


async def test_pipelined_requests_wait_until_the_client_has_read_the_answers_before() -> None:
    stub = Stub()
    connection, transport = connect(stub)
    connection.data_received(request_bytes("POST", LATE, floats(1)) + request_bytes("POST", ADD_SUB, b"{}"))
    assert not transport.reading
    connection.pause_writing()
    stub.late.answer_next()
    await asyncio.sleep(0)
    assert transport.written.count(b"HTTP/1.1") == 1
    connection.resume_writing()
    await asyncio.sleep(0)
    assert transport.written.count(b"HTTP/1.1") == 2
    assert transport.reading


async def test_a_refused_client_that_keeps_sending_is_cut_off_in_the_end() -> None:
    timers = FakeTimers()
    connection, transport = connect(Stub(max_body_bytes=10), timers)
    connection.data_received(request_bytes("POST", ADD_SUB, bytes(100)))
    assert b"HTTP/1.1 413" in transport.written
    connection.data_received(bytes(1000))
    assert not transport.closed
    timers.pass_s(5)
    assert transport.closed
