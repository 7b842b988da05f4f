"""A request that comes again on its connection is asked with others, and answered as if it had come alone."""

import asyncio
import re
from pathlib import Path

import pytest

from headrace.errors import HeadraceError, QueueFull
from headrace.models.registry import Served
from headrace.protocols.oip.again import Again
from headrace.protocols.request_id import Ids
from headrace.servable import APART, Cancel, Reply
from headrace.servable import Together as AsOne
from headrace.types import Manifest, ModelVersion, Request
from tests.protocols.oip.fake_transport import connect
from tests.protocols.oip.http_server import request_bytes
from tests.protocols.oip.infer_bodies import ADD_SUB, LATE, floats
from tests.protocols.oip.stub import Stub
from tests.protocols.oip.test_exchange_together import TURNS, Together, binary, stopped_clock


class Held(Together):
    """Answers what is asked as one when it is told to, once it waits."""

    waits = False
    apart = False  # nothing may be asked as one any more

    def together(self) -> AsOne:
        return APART if self.apart else super().together()

    def submit(self, request: Request, reply: Reply) -> Cancel:
        if request.bundle is None or not self.waits:
            return super().submit(request, reply)
        self._asked = request, reply
        return lambda: None

    def answer_now(self, error: HeadraceError | None = None) -> None:
        self.waits = False
        request, reply = self._asked
        if error is None:
            self.submit(request, reply)
        else:
            reply(error)


class Bench:
    """Three connections of clients that ask the same at once, again and again."""

    def __init__(self, **headers: str) -> None:
        self.stub = stub = Stub(clock=stopped_clock(), ids=Ids())
        self.model = Held(stub.servables["add_sub"])
        stub.registry.publish(Served(ModelVersion("add_sub", 2), Manifest("add_sub", 2, Path(), "stub"), self.model))
        self.clients = [connect(stub) for _ in range(3)]
        self._headers = headers

    def post(self, value: int) -> bytes:
        said, body = binary(value)
        return request_bytes("POST", ADD_SUB, body, Inference_Header_Content_Length=str(len(said)), **self._headers)

    async def ask(self, *values: int) -> list[bytes]:
        """What each is answered within a few turns."""
        for (connection, transport), value in zip(self.clients, values, strict=False):
            transport.written = b""
            connection.data_received(self.post(value))
        for _ in range(TURNS):
            await asyncio.sleep(0)
        return [transport.written for _, transport in self.clients[: len(values)]]

    async def warm(self) -> "Bench":
        """They have come often enough to be asked as one."""
        for _ in range(3):
            await self.ask(1, 2, 3)
        self.model.bundles.clear()
        return self

    def is_held(self, client: int = 0) -> bool:
        current = self.clients[client][0]._current
        return isinstance(current, Again)


def sums(*answers: bytes) -> list[int]:
    return [int.from_bytes(answer[-64:-60], "little") for answer in answers]


def names(answer: bytes) -> list[bytes]:
    """The names of its headers, in their order."""
    head, _, _ = answer.partition(b"\r\n\r\n")
    return [line.partition(b":")[0] for line in head.split(b"\r\n")[1:]]


async def test_what_comes_again_is_asked_as_one_and_each_gets_its_answer() -> None:
    bench = await Bench().warm()
    answers = await bench.ask(5, 6, 7)
    assert bench.model.bundles == [3]
    assert sums(*answers) == [10, 12, 14]
    assert all(answer.startswith(b"HTTP/1.1 200 OK\r\n") for answer in answers)


async def test_an_answer_says_what_it_would_have_said_alone() -> None:
    bench = Bench()
    (alone,) = await bench.ask(5)
    await bench.warm()
    together, _, _ = await bench.ask(5, 6, 7)
    assert names(together) == names(alone)
    assert together.partition(b"\r\n\r\n")[2] == alone.partition(b"\r\n\r\n")[2]
    length = rb"\r\ncontent-length: \d+\r\n"
    assert re.findall(length, together) == re.findall(length, alone)


async def test_each_answer_has_an_id_of_its_own() -> None:
    bench = await Bench().warm()
    ids = [re.search(rb"x-request-id: (\S+)", answer) for answer in await bench.ask(5, 6, 7)]
    assert len({found[1] for found in ids if found}) == 3


async def test_where_the_others_cannot_be_answered_each_asks_alone() -> None:
    bench = await Bench().warm()
    bench.model.waits = True
    await bench.ask(5, 6, 7)
    bench.model.answer_now(QueueFull("there is no room"))
    assert sums(*(transport.written for _, transport in bench.clients)) == [10, 12, 14]
    assert not bench.model.bundles


async def test_what_comes_behind_one_that_is_held_is_answered_behind_it() -> None:
    bench = await Bench().warm()
    bench.model.waits = True
    await bench.ask(5, 6, 7)
    connection, transport = bench.clients[0]
    connection.data_received(bench.post(8) + bench.post(9))
    assert not transport.written
    bench.model.answer_now()
    for _ in range(3 * TURNS):
        await asyncio.sleep(0)
    first, second, third = (b"HTTP/1.1" + part for part in transport.written.split(b"HTTP/1.1")[1:])
    assert sums(first, second, third) == [10, 16, 18]


async def test_what_has_begun_to_come_behind_one_that_is_held_goes_on() -> None:
    bench = await Bench().warm()
    bench.model.waits = True
    await bench.ask(5, 6, 7)
    connection, transport = bench.clients[0]
    following = bench.post(8)
    connection.data_received(following[:-7])
    bench.model.answer_now()
    assert sums(transport.written) == [10]
    transport.written = b""
    connection.data_received(following[-7:])
    for _ in range(TURNS):
        await asyncio.sleep(0)
    assert sums(transport.written) == [16]


async def test_a_body_that_looks_like_what_comes_again_is_a_body() -> None:
    bench = await Bench().warm()
    connection, transport = bench.clients[0]
    looks = bench.post(5)
    said, _ = binary(0)
    longer = request_bytes("POST", ADD_SUB, said + b"\0" * 9 + looks, Inference_Header_Content_Length=str(len(said)))
    transport.written = b""
    connection.data_received(bench.post(3) + longer[: -len(looks)])
    for _ in range(TURNS):
        await asyncio.sleep(0)
    connection.data_received(looks)
    for _ in range(TURNS):
        await asyncio.sleep(0)
    statuses = re.findall(rb"HTTP/1.1 (\d+)", transport.written)
    assert statuses == [b"200", b"400"]


async def test_a_client_that_leaves_while_it_is_held_is_answered_nothing_and_the_others_are() -> None:
    bench = await Bench().warm()
    bench.model.waits = True
    await bench.ask(5, 6, 7)
    bench.clients[1][0].connection_lost(None)
    bench.model.answer_now()
    assert sums(bench.clients[0][1].written, bench.clients[2][1].written) == [10, 14]
    assert not bench.clients[1][1].written
    assert bench.stub.front.gateway.in_flight == 0


async def test_nothing_leads_from_a_connection_that_is_lost_to_itself() -> None:
    bench = await Bench().warm()
    connection, _ = bench.clients[0]
    connection.connection_lost(None)
    assert connection._again is None
    assert connection.cycle is None


async def test_one_that_is_held_when_the_server_stops_is_the_last_of_its_connection() -> None:
    bench = await Bench().warm()
    bench.model.waits = True
    await bench.ask(5, 6, 7)
    connection, transport = bench.clients[0]
    connection.drain()
    bench.model.answer_now()
    assert b"connection: close\r\n" in transport.written
    assert sums(transport.written) == [10]
    assert transport.closed


async def test_who_comes_alone_waits_for_nobody() -> None:
    bench = await Bench().warm()
    for value in range(6):
        (answer,) = await bench.ask(value)
        assert sums(answer) == [2 * value]
    assert not bench.is_held()


@pytest.mark.parametrize("header", ["Accept-Encoding", "X-Request-Id"])
async def test_what_is_answered_in_its_own_way_each_time_is_read_each_time(header: str) -> None:
    bench = await Bench(**{header.replace("-", "_"): "gzip"}).warm()
    bench.model.waits = True
    for connection, _ in bench.clients:
        connection.data_received(bench.post(5))
    assert not any(map(bench.is_held, range(3)))


async def test_another_request_on_the_connection_is_taken_for_what_it_is() -> None:
    bench = await Bench().warm()
    connection, transport = bench.clients[0]
    transport.written = b""
    connection.data_received(request_bytes("GET", "/v2/nowhere"))
    for _ in range(TURNS):
        await asyncio.sleep(0)
    assert transport.written.startswith(b"HTTP/1.1 404")
    assert sums(*await bench.ask(5, 6, 7)) == [10, 12, 14]


async def test_one_that_comes_again_behind_a_request_with_another_head_is_read_by_its_own() -> None:
    bench = await Bench().warm()
    bench.model.apart = True
    connection, transport = bench.clients[0]
    connection.data_received(request_bytes("POST", LATE, floats(1.0)))
    bench.stub.late.answer_next()
    transport.written = b""
    connection.data_received(bench.post(5))
    for _ in range(TURNS):
        await asyncio.sleep(0)
    assert transport.written.startswith(b"HTTP/1.1 200")
    assert sums(transport.written) == [10]


async def test_the_bytes_of_one_may_come_in_parts() -> None:
    bench = await Bench().warm()
    connection, transport = bench.clients[0]
    transport.written = b""
    sent = bench.post(5)
    for part in (sent[:10], sent[10:300], sent[300:]):
        connection.data_received(part)
    for _ in range(TURNS):
        await asyncio.sleep(0)
    assert sums(transport.written) == [10]
