"""An inference that comes again means the same as when it came first."""

import pytest

from headrace.generated import service_pb2 as pb
from headrace.protocols.oip.grpc_infer import Infer
from headrace.protocols.oip.grpc_repeated import Kept
from headrace.types import ModelRef, Request, Tensor
from tests.protocols.oip.fake_call import FakeCall
from tests.protocols.oip.grpc_server import infer_message
from tests.protocols.oip.stub import Stub


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


@pytest.mark.parametrize("what", ["parameter", "output parameter", "contents", "length", "text"])
def test_what_says_more_than_tensors_is_not_kept(what: str) -> None:
    message = infer_message()
    if what == "parameter":
        message.parameters["priority"].int64_param = 1
    elif what == "output parameter":
        message.outputs.add(name="OUTPUT").parameters["classification"].int64_param = 1
    elif what == "contents":
        message.inputs[0].contents.fp32_contents.append(1)
    elif what == "length":
        message.inputs[0].name = "x" * 2000
    else:
        message.inputs[0].datatype = "BYTES"
    kept, request = Kept(), Request("", ModelRef("scores"), (Tensor("INPUT", "FP32", (1, 3), bytes(12)),))
    kept.keep(message.SerializeToString(), message, request)
    assert kept.find(message.SerializeToString()) is None
