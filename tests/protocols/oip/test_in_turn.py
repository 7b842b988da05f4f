"""Requests of one connection are answered in their order, whoever answers them."""

from tests.protocols.oip.http_server import request_bytes
from tests.protocols.oip.infer_bodies import ADD_SUB, LATE, add_sub_json, floats, server


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
