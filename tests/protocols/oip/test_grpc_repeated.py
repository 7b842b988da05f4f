"""An inference that comes again means the same as when it came first."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.gateway.gateway import Gateway
from headrace.generated import service_pb2 as pb
from headrace.models.registry import Registry
from headrace.protocols.oip.grpc_infer import Infer
from headrace.protocols.oip.grpc_messages import write_response
from headrace.protocols.oip.grpc_repeated import Kept
from headrace.protocols.oip.shared_memory import Regions
from headrace.protocols.oip.together import Form, Line
from headrace.records import discard
from headrace.types import ModelRef, ModelVersion, Request, Response, Tensor
from tests.fakes import FakeClock
from tests.protocols.oip.fake_call import FakeCall
from tests.protocols.oip.grpc_server import infer_message
from tests.protocols.oip.stub import BATCH, Stub


def told(infer: Infer, message: pb.ModelInferRequest) -> tuple[int, str, list[bytes]]:
    call = FakeCall()
    infer.infer(message.SerializeToString(), call)
    assert call.ended is not None
    return call.ended.code, call.ended.details, call.written


def changed(message: pb.ModelInferRequest) -> list[pb.ModelInferRequest]:
    """Others that share all or most of it."""
    found = []
    other = pb.ModelInferRequest()
    other.CopyFrom(message)
    other.id = "another"
    found.append(other)
    for contents in ([], [b"1234"], [bytes(24)], [bytes(12)] * 2, [bytes(11)]):
        other = pb.ModelInferRequest()
        other.CopyFrom(message)
        del other.raw_input_contents[:]
        other.raw_input_contents.extend(contents)
        found.append(other)
    return found


async def test_each_answer_is_as_it_is_the_first_time() -> None:
    message = infer_message(id="7")
    message.parameters["triton_enable_empty_final_response"].bool_param = True
    message.parameters["mine"].string_param = "yes"
    message.raw_input_contents[0] = b"\0\0\x80\x3f" * 3
    used = Infer(Stub().front)
    for each in (message, *changed(message), message):
        assert told(used, each) == told(Infer(Stub().front), each)
        assert told(used, message) == told(Infer(Stub().front), message)


async def test_what_comes_again_is_read_by_what_was_kept() -> None:
    stub = Stub()
    infer = Infer(stub.front)
    told(infer, infer_message())
    again = infer_message(id="another")
    again.raw_input_contents[0] = b"\0\0\x80\x3f" * 3
    ones = told(infer, again)
    assert ones == told(Infer(Stub().front), again)
    assert ones != told(infer, infer_message())


async def test_parameters_mean_the_same_each_time() -> None:
    stub = Stub()
    infer, message = Infer(stub.front), infer_message()
    message.parameters["timeout"].int64_param = 5_000_000
    message.parameters["mine"].string_param = "yes"
    for _ in range(2):
        told(infer, message)
    first, second = stub.servables["scores"].requests
    assert first.parameters == second.parameters == {"mine": "yes"}
    taken = [each.context.deadline_ns - each.context.arrived_ns for each in (first, second) if each.context.deadline_ns]
    assert taken == [5_000_000_000] * 2


def line(form: Form) -> Line:
    clock = FakeClock()
    return Line(form, Gateway(Registry(), discard, clock), clock)


@given(
    st.lists(st.tuples(st.text(max_size=3), st.lists(st.integers(0, 3), max_size=3)), max_size=3), st.text(max_size=5)
)
def test_an_answer_is_the_message_that_protobuf_would_write(outputs: list[tuple[str, list[int]]], name: str) -> None:
    tensors = tuple(Tensor(each, "UINT8", tuple(shape), bytes(math.prod(shape))) for each, shape in outputs)
    response, kept = Response(ModelVersion("m", 3), tensors, BATCH), Kept(line)
    for _ in range(2):
        found = pb.ModelInferResponse.FromString(bytes(kept.answer(response, name)))
        slow = write_response(response, name, {}, Regions(False)).serialized()
        assert found == pb.ModelInferResponse.FromString(bytes(slow))


@pytest.mark.parametrize("what", ["input parameter", "output parameter", "contents", "length", "BYTES", "BOOL"])
def test_what_says_more_than_tensors_is_not_kept(what: str) -> None:
    message = infer_message()
    if what == "input parameter":
        message.inputs[0].parameters["x"].int64_param = 1
    elif what == "output parameter":
        message.outputs.add(name="OUTPUT").parameters["classification"].int64_param = 1
    elif what == "contents":
        message.inputs[0].contents.fp32_contents.append(1)
    elif what == "length":
        message.inputs[0].name = "x" * 2000
    else:
        message.inputs[0].datatype = what
    kept, request = (
        Kept(line),
        Request("", ModelRef("scores"), (Tensor("INPUT", "FP32", (1, 3), bytes(12)),)),
    )
    kept.keep(message.SerializeToString(), message, request)
    assert kept.find(message.SerializeToString()) is None


@pytest.mark.parametrize(("name", "value"), [("timeout", 5_000_000), ("priority", 1)])
def test_what_orders_requests_is_not_held_for_others(name: str, value: int) -> None:
    message = infer_message()
    message.parameters[name].int64_param = value
    kept = Kept(line)
    tensors = (Tensor("INPUT", "FP32", (1, 3), bytes(12)),)
    kept.keep(message.SerializeToString(), message, Request("", ModelRef("scores"), tensors))
    found = kept.find(message.SerializeToString())
    assert found is not None
    assert found.line is None
    assert not found.takes([bytes(12)], 0)
