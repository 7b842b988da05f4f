"""Inferences over gRPC that come in one turn of the event loop, without a connection."""

import asyncio

from headrace.alike import lot_of
from headrace.generated import service_pb2 as pb
from headrace.protocols.oip.grpc_infer import Infer
from tests.protocols.oip.fake_call import FakeCall
from tests.protocols.oip.stub import Stub
from tests.protocols.oip.test_exchange_together import TURNS, publish_together, stopped_clock


def message(value: int, id_: str = "") -> bytes:
    asked = pb.ModelInferRequest(model_name="add_sub", id=id_)
    for name in ("INPUT0", "INPUT1"):
        asked.inputs.add(name=name, datatype="INT32", shape=[1, 16])
        asked.raw_input_contents.append(value.to_bytes(4, "little") * 16)
    asked.parameters["triton_enable_empty_final_response"].bool_param = True  # as clients say of every request
    return asked.SerializeToString()


async def in_one_turn(infer: Infer, remaining_s: float | None = None) -> list[FakeCall]:
    calls = [FakeCall(remaining_s) for _ in range(3)]
    for value, call in enumerate(calls):
        infer.infer(message(value, f"mine{value}"), call)
    for _ in range(TURNS):
        await asyncio.sleep(0)
    return calls


async def test_those_of_one_turn_that_repeat_are_asked_as_one_and_answered_each() -> None:
    stub = Stub(clock=stopped_clock())
    servable, infer = publish_together(stub), Infer(stub.front)
    for _ in range(3):
        calls = await in_one_turn(infer)
    assert servable.bundles[-1] == 3
    answers = [pb.ModelInferResponse.FromString(call.written[0]) for call in calls]
    assert [answer.id for answer in answers] == ["mine0", "mine1", "mine2"]
    assert [answer.raw_output_contents[0] for answer in answers] == [
        (2 * value).to_bytes(4, "little") * 16 for value in range(3)
    ]
    assert [dict(call.ended.trailers)["x-request-id"] for call in calls if call.ended] == ["mine0", "mine1", "mine2"]


async def test_a_call_with_a_deadline_is_asked_alone() -> None:
    stub = Stub()
    servable, infer = publish_together(stub), Infer(stub.front)
    for _ in range(3):
        calls = await in_one_turn(infer, remaining_s=5.0)
        assert all(call.written for call in calls)
    assert not servable.bundles


async def test_one_whose_client_left_is_told_nothing() -> None:
    stub = Stub(clock=stopped_clock())
    servable, infer = publish_together(stub), Infer(stub.front)
    await in_one_turn(infer)
    calls = [FakeCall() for _ in range(3)]
    for value, call in enumerate(calls):
        infer.infer(message(value), call)
    assert calls[1].left is not None
    calls[1].left()
    for _ in range(TURNS):
        await asyncio.sleep(0)
    assert servable.bundles
    assert {each.error for each in lot_of(stub.records).requests if each.error} == {"cancelled"}
