"""A client that sends nothing more is answered where it listens, and known to be gone where it does not."""

import asyncio
import re

import pytest

from headrace.protocols.oip.half_closed import CONTINUE
from tests.protocols.oip.fake_transport import FakeTimers, connect
from tests.protocols.oip.http_server import request_bytes
from tests.protocols.oip.infer_bodies import ADD_SUB, LATE, add_sub_json, floats, server
from tests.protocols.oip.stub import Stub

HTTP_1_0 = request_bytes("POST", LATE, floats(1)).replace(b"HTTP/1.1", b"HTTP/1.0")


async def test_requests_of_every_kind_are_answered_in_order_and_the_connection_closed() -> None:
    async with server() as (stub, wire):
        wire.post(LATE, floats(1))
        wire.send(request_bytes("GET", "/v2/health/live"))
        wire.post(ADD_SUB, add_sub_json())
        wire.writer.write_eof()
        await stub.late.arrived.wait()
        await asyncio.sleep(0)
        stub.late.answer_next()
        answers = [await wire.answer() for _ in range(3)]
        assert [answer.status for answer in answers] == [200] * 3
        assert await wire.closed()


async def test_an_ordinary_request_is_answered_and_the_connection_closed() -> None:
    async with server() as (_, wire):
        wire.send(request_bytes("GET", "/v2/health/live"))
        wire.writer.write_eof()
        assert (await wire.answer()).status == 200
        assert await wire.closed()


@pytest.mark.parametrize("sent", [b"", request_bytes("POST", LATE, floats(1))[:-1], b"GET /v2 HTTP/1.1\r\n"])
async def test_one_that_asked_for_nothing_whole_is_let_go(sent: bytes) -> None:
    connection, _ = connect(Stub(), FakeTimers())
    connection.data_received(sent)
    assert not connection.eof_received()


async def test_one_that_is_answered_is_let_go() -> None:
    connection, _ = connect(Stub(), FakeTimers())
    connection.data_received(request_bytes("POST", ADD_SUB, add_sub_json()))
    assert not connection.eof_received()


async def test_one_that_waits_is_told_so_ever_more_rarely_until_its_answer() -> None:
    stub, timers = Stub(), FakeTimers()
    connection, transport = connect(stub, timers)
    connection.data_received(request_bytes("POST", LATE, floats(1)))
    assert connection.eof_received()
    told = []
    for _ in range(32):
        timers.pass_s(0.05)
        told.append(transport.written.count(CONTINUE))
    assert (told[0], told[1], told[2], told[-1]) == (1, 2, 3, 7)
    stub.late.answer_next()
    assert re.findall(rb"HTTP/1.1 ([0-9]+)", transport.written) == [b"100"] * 7 + [b"200"]
    assert transport.closed


async def test_one_that_leaves_within_an_answer_is_let_go_at_once() -> None:
    connection, _ = connect(Stub(), FakeTimers())
    connection.data_received(request_bytes("GET", "/"))
    await connection.cycle.send({"type": "http.response.start", "status": 200, "headers": []})
    assert not connection.eof_received()


async def test_nothing_is_said_within_an_answer() -> None:
    timers = FakeTimers()
    connection, transport = connect(Stub(), timers)
    connection.data_received(request_bytes("GET", "/"))
    assert connection.eof_received()
    await connection.cycle.send({"type": "http.response.start", "status": 200, "headers": []})
    written = transport.written
    timers.pass_s(60)
    assert transport.written == written


async def test_one_that_knows_no_interim_answers_has_a_moment() -> None:
    stub, timers = Stub(), FakeTimers()
    connection, transport = connect(stub, timers)
    connection.data_received(HTTP_1_0)
    assert connection.eof_received()
    timers.pass_s(0.04)
    assert not transport.closed
    timers.pass_s(0.02)
    assert (transport.closed, transport.written) == (True, b"")


async def test_one_whose_last_request_is_refused_gets_the_refusal_in_its_turn() -> None:
    stub = Stub()
    connection, transport = connect(stub, FakeTimers())
    connection.data_received(request_bytes("POST", LATE, floats(1)) + b"\x00\x01noise\r\n\r\n")
    assert connection.eof_received()
    stub.late.answer_next()
    await asyncio.sleep(0)
    assert re.findall(rb"HTTP/1.1 ([0-9]+)", transport.written) == [b"200", b"400"]
