"""Requests of one connection are answered in their order, whoever answers them."""

from headrace.protocols.oip.exchange import Answer, Exchange
from headrace.protocols.oip.head import read_head
from headrace.protocols.oip.in_turn import LARGE_BYTES
from headrace.types import ModelRef
from tests.protocols.oip.fake_transport import connect
from tests.protocols.oip.http_server import request_bytes
from tests.protocols.oip.infer_bodies import ADD_SUB, LATE, add_sub_json, floats, server
from tests.protocols.oip.stub import Stub


async def test_pipelined_requests_are_answered_in_order() -> None:
    async with server() as (stub, wire):
        for value in (1.0, 2.0):
            wire.post(LATE, floats(value))
        wire.send(request_bytes("GET", "/v2/health/live"))
        wire.post(ADD_SUB, add_sub_json())
        await stub.late.arrived.wait()
        stub.late.arrived.clear()
        stub.late.answer_next()
        assert (await wire.answer()).json["outputs"][0]["data"] == [1.0]
        await stub.late.arrived.wait()
        stub.late.answer_next()
        assert (await wire.answer()).json["outputs"][0]["data"] == [2.0]
        assert (await wire.answer()).json == {"live": True}
        assert (await wire.answer()).json["model_name"] == "add_sub"


async def test_a_thousand_pipelined_requests_are_all_answered() -> None:
    async with server() as (_, wire):
        wire.send(request_bytes("POST", "/v2/models/scores/infer", b"{}") * 1000)
        statuses = [(await wire.answer()).status for _ in range(1000)]
    assert statuses == [400] * 1000


async def test_a_large_answer_in_memory_of_its_own_is_not_copied() -> None:
    connection, transport = connect(Stub())
    exchange = Exchange(connection.front, read_head(ModelRef("m"), [], True), connection._answered)
    parts = [b"a" * LARGE_BYTES, b"b"]
    connection._answered(exchange, Answer(200, b"", list(parts)))
    connection._answered(exchange, Answer(200, b"", [memoryview(part) for part in parts]))
    assert [any(part is parts[0] for part in call) for call in transport.calls] == [True, False]
    first, second = (b"".join(call) for call in transport.calls)
    assert first == second
