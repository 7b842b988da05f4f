"""What large and slow bodies may take of a server, however their requests end."""

import asyncio
import gzip
import json
import re
from collections.abc import Callable

import pytest

from headrace.protocols.bodies import Bodies
from headrace.protocols.oip.infer_lane import InferLane
from tests.protocols.oip.fake_transport import FakeTimers, FakeTransport, connect
from tests.protocols.oip.http_server import connected, request_bytes, serving
from tests.protocols.oip.infer_bodies import ADD_SUB, LATE, add_sub_json, floats
from tests.protocols.oip.stub import Stub

FULL = 64 << 20
LARGE = floats(1).ljust(100_000)
CHUNKED = f"POST {LATE} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode() + b"%x\r\n%b\r\n" % (
    len(LARGE),
    LARGE,
)


class Large:
    """A connection on which most of a large body has come."""

    def __init__(self, body: bytes = LARGE, head: bytes = b"") -> None:
        self.stub, self.timers = Stub(max_body_bytes=150_000, bodies=Bodies(150_000)), FakeTimers()
        self.connection: InferLane
        self.transport: FakeTransport
        self.connection, self.transport = connect(self.stub, self.timers)
        self.rest = body[-100:]
        self.connection.data_received(head or request_bytes("POST", LATE, body)[:-100])

    @property
    def counted(self) -> int:
        return self.stub.front.bodies.total

    def statuses(self) -> list[bytes]:
        return re.findall(rb"HTTP/1.1 ([0-9]+)", self.transport.written)

    def trickle(self, seconds: int) -> None:
        for _ in range(0, seconds, 4):
            self.timers.pass_s(4)
            self.connection.data_received(b" ")


def _answered(large: Large) -> None:
    large.connection.data_received(large.rest)
    assert large.counted == len(LARGE)
    large.stub.late.answer_next()
    assert large.statuses() == [b"200"]


def _gone_while_it_comes(large: Large) -> None:
    large.connection.connection_lost(None)


def _gone_while_it_runs(large: Large) -> None:
    large.connection.data_received(large.rest)
    large.connection.connection_lost(None)


def _silent(large: Large) -> None:
    large.timers.pass_s(5)
    assert large.transport.closed
    large.connection.connection_lost(None)


def _slow(large: Large) -> None:
    large.trickle(240)
    assert large.statuses() == [b"408"]


def _without_room(large: Large) -> None:
    bodies = large.stub.front.bodies
    others = bodies.grown(0, FULL - bodies.total)
    large.connection.data_received(large.rest)
    bodies.over(others)
    assert large.statuses() == [b"503"]


@pytest.mark.parametrize("end", [_answered, _gone_while_it_comes, _gone_while_it_runs, _silent, _slow, _without_room])
async def test_a_large_body_is_counted_until_its_request_ends(end: Callable[[Large], None]) -> None:
    large = Large()
    assert large.counted == len(LARGE) - 100
    end(large)
    assert large.counted == 0


async def test_a_large_body_that_nobody_can_read_is_counted_until_that_is_answered() -> None:
    large = Large(b"x" * 100_000)
    large.connection.data_received(large.rest)
    assert (large.statuses(), large.counted) == ([b"400"], 0)


@pytest.mark.parametrize(("chunk", "status"), [(b"zz\r\n", b"400"), (b"f000\r\n" + bytes(0xF000), b"413")])
async def test_a_large_body_in_chunks_is_counted_until_it_is_refused(chunk: bytes, status: bytes) -> None:
    large = Large(head=CHUNKED)
    assert large.counted == len(LARGE)
    large.connection.data_received(chunk)
    assert (large.statuses(), large.counted) == ([status], 0)


async def test_a_body_is_counted_as_it_is_unpacked() -> None:
    stub = Stub()
    connection, _ = connect(stub)
    connection.data_received(request_bytes("POST", LATE, gzip.compress(LARGE), Content_Encoding="gzip"))
    assert stub.front.bodies.total == len(LARGE)
    stub.late.answer_next()
    assert stub.front.bodies.total == 0


async def test_a_large_body_that_waits_for_its_turn_is_counted_until_its_client_is_gone() -> None:
    large = Large(head=request_bytes("POST", LATE, floats(1)) + request_bytes("POST", LATE, LARGE))
    assert large.counted == len(LARGE)
    large.connection.connection_lost(None)
    assert large.counted == 0


async def test_a_body_without_room_is_told_to_come_again_and_a_small_one_has_room() -> None:
    stub = Stub()
    stub.front.bodies.grown(0, 8 * FULL)
    async with serving(stub) as (port, _), connected(port) as wire, connected(port) as other:
        wire.post(ADD_SUB, bytes(4_000_000))
        answer = await wire.answer()
        assert (answer.status, answer.json["code"]) == (503, "memory_full")
        assert (answer.headers["retry-after"], answer.headers["connection"]) == ("1", "close")
        assert "the bodies of requests take up the 536870912 bytes" in answer.json["error"]
        assert await wire.closed()
        assert (await other.ask("POST", ADD_SUB, add_sub_json())).status == 200


async def test_a_body_with_a_head_that_came_before_is_refused_once_where_it_has_no_room() -> None:
    stub, request = Stub(), request_bytes("POST", ADD_SUB, bytes(100_000))
    connection, transport = connect(stub)
    connection.data_received(request)
    stub.front.bodies.grown(0, 8 * FULL)
    connection.data_received(request[:-100])
    connection.data_received(request[-100:])
    assert re.findall(rb"HTTP/1.1 ([0-9]+)", transport.written) == [b"400", b"503"]


@pytest.mark.parametrize("target", [ADD_SUB, "/v2/logging"])
async def test_a_body_that_trickles_is_refused_on_every_route(target: str) -> None:
    timers = FakeTimers()
    connection, transport = connect(Stub(), timers)
    connection.data_received(request_bytes("POST", target, bytes(100))[:-100])
    for _ in range(5):
        timers.pass_s(4)
        assert transport.written == b""
        connection.data_received(b" ")
    timers.pass_s(4)
    head, body = transport.written.split(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408") and b"connection: close" in head
    assert json.loads(body)["code"] == "body_too_slow"
    timers.pass_s(5)
    assert transport.closed


async def test_a_body_that_is_not_read_from_is_not_late() -> None:
    stub, timers = Stub(), FakeTimers()
    connection, transport = connect(stub, timers)
    connection.data_received(request_bytes("POST", LATE, floats(1)) + request_bytes("POST", LATE, floats(1))[:-10])
    for _ in range(60):
        timers.pass_s(1)
    assert (transport.written, transport.closed) == (b"", False)


async def test_a_body_that_trickles_behind_its_answer_closes_the_connection() -> None:
    timers = FakeTimers()
    connection, transport = connect(Stub(), timers)
    connection.data_received(request_bytes("POST", "/nothing", bytes(100))[:-100])
    for _ in range(10):
        await asyncio.sleep(0)
    for _ in range(6):
        timers.pass_s(4)
        connection.data_received(b" ")
    assert re.findall(rb"HTTP/1.1 ([0-9]+)", transport.written) == [b"404"]
    assert transport.closed
