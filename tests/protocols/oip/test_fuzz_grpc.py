"""Whatever a message holds, its call is answered or refused for a reason that is not the server's fault.

The requests of the golden exchanges are changed byte by byte, and inferences are made up field by field.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.arrays import DATATYPES
from headrace.generated import service_pb2 as pb
from headrace.protocols.grpc.method import Unary
from headrace.protocols.oip.grpc import methods
from headrace.protocols.oip.grpc_tensors import FIELDS
from headrace.types import Buffer
from tests.conformance.grpc.golden import FOLDER, read
from tests.protocols.oip.fake_call import FakeCall
from tests.protocols.oip.stub import Stub

VALID = [
    (exchange.method, request.SerializeToString())
    for exchange in map(read, sorted(FOLDER.glob("*.txt")))
    for request in exchange.requests
]
FAULTS = (grpc.StatusCode.INTERNAL.value[0], grpc.StatusCode.UNKNOWN.value[0])


def _converse(method: str, sent: list[bytes]) -> FakeCall:
    """The call after its last answer."""

    async def requests() -> AsyncIterator[Buffer]:
        for one in sent:
            yield one

    async def run() -> FakeCall:
        stub, call = Stub(folder=Path("/nonexistent")), FakeCall()
        serve = methods(stub.front)[method]
        if isinstance(serve, Unary):
            serve.serve(sent[0], call)
            await call.over.wait()
        else:
            await serve.serve(requests(), call)
        assert stub.gateway.in_flight == 0
        return call

    return asyncio.run(run())


@st.composite
def _spoiled(draw: st.DrawFn) -> tuple[str, bytes]:
    method, valid = draw(st.sampled_from(VALID))
    message = bytearray(valid)
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(0, len(message)))
        what = draw(st.sampled_from(["replace", "insert", "remove", "repeat"]))
        if what == "replace":
            message[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
        elif what == "insert":
            message[at:at] = draw(st.binary(max_size=8))
        elif what == "remove":
            del message[at : at + draw(st.integers(1, 40))]
        else:
            message[at:at] = message[at : at + draw(st.integers(1, 40))]
    return method, bytes(message)


@pytest.mark.fuzz
@given(_spoiled())
def test_a_spoiled_message_is_answered_or_refused_as_the_clients_fault(spoiled: tuple[str, bytes]) -> None:
    method, sent = spoiled
    call = _converse(method, [sent])
    assert call.written or call.ended
    assert not call.ended or call.ended.code not in FAULTS, call.ended


SIZES = st.sampled_from([0, 1, 2, 3, 16, -1, 2**31, 10**9, 2**62, 2**63 - 1, -(2**63)])
CONTENTS: dict[str, st.SearchStrategy[Any]] = {
    "bool_contents": st.booleans(),
    "int_contents": st.integers(-(2**31), 2**31 - 1),
    "int64_contents": st.integers(-(2**63), 2**63 - 1),
    "uint_contents": st.integers(0, 2**32 - 1),
    "uint64_contents": st.integers(0, 2**64 - 1),
    "fp32_contents": st.floats(width=32),
    "fp64_contents": st.floats(),
    "bytes_contents": st.binary(max_size=5),
}
PARAMETERS = st.dictionaries(
    st.sampled_from(["timeout", "priority", "classification", "shared_memory_region", "shared_memory_byte_size", "x"]),
    st.one_of(
        st.builds(pb.InferParameter, int64_param=st.integers(-(2**63), 2**63 - 1)),
        st.builds(pb.InferParameter, string_param=st.text(max_size=5)),
        st.builds(pb.InferParameter, double_param=st.floats()),
        st.builds(pb.InferParameter, bool_param=st.booleans()),
        st.builds(pb.InferParameter),
    ),
    max_size=2,
)
NAMES = st.sampled_from(["INPUT", "INPUT0", "INPUT1", *(f"INPUT_{datatype}" for datatype in DATATYPES)])


@st.composite
def _inference(draw: st.DrawFn) -> pb.ModelInferRequest:
    message = pb.ModelInferRequest(
        model_name=draw(st.sampled_from(["add_sub", "echo", "half", "scores", "mixed", "refuse"])),
        model_version=draw(st.sampled_from(["", "1", "v2", "9", "x"])),
        parameters=draw(PARAMETERS),
    )
    for _ in range(draw(st.integers(0, 3))):
        datatype = draw(st.sampled_from([*DATATYPES, "", "FLOAT"]))
        shape = draw(st.lists(SIZES, max_size=4))
        one = message.inputs.add(name=draw(NAMES), datatype=datatype, shape=shape, parameters=draw(PARAMETERS))
        if draw(st.booleans()):
            field = draw(st.sampled_from([FIELDS.get(datatype, "int_contents"), *CONTENTS]))
            getattr(one.contents, field).extend(draw(st.lists(CONTENTS[field], max_size=4)))
    for _ in range(draw(st.integers(0, 2))):
        message.outputs.add(name=draw(st.sampled_from(["OUTPUT", "OUTPUT0", "y"])), parameters=draw(PARAMETERS))
    message.raw_input_contents.extend(draw(st.lists(st.binary(max_size=16), max_size=3)))
    return message


@pytest.mark.fuzz
@given(_inference(), st.sampled_from(["ModelInfer", "ModelStreamInfer"]))
def test_a_made_up_inference_is_answered_or_refused_as_the_clients_fault(
    message: pb.ModelInferRequest, method: str
) -> None:
    call = _converse(method, [message.SerializeToString()])
    refused = call.ended is not None and call.ended.code != 0
    assert len(call.written) + refused == 1
    if refused:
        assert call.ended is not None and call.ended.code not in FAULTS, call.ended
    elif method == "ModelStreamInfer":
        answer = pb.ModelStreamInferResponse.FromString(call.written[0])
        assert answer.infer_response.parameters["code"].string_param != "internal"
