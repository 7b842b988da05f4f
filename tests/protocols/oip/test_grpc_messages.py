"""Messages become requests, and responses messages, without a connection."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from headrace.arrays import from_array
from headrace.errors import HeadraceError, InvalidRequest, VersionNotFound
from headrace.generated.service_pb2 import ModelInferRequest, ModelInferResponse
from headrace.models.registry import Registry
from headrace.protocols.limits import UNSAID, Limits
from headrace.protocols.oip.grpc_messages import Wanted, read_request, write_parameters, write_response
from headrace.protocols.oip.shared_memory import Regions
from headrace.protocols.oip.shared_tensors import Place
from headrace.protocols.oip.wanted import Classes, WantedOutput
from headrace.types import ModelRef, ModelVersion, Request, Response, Tensor
from tests.protocols.oip.stub import BATCH

NO_REGIONS = Regions(allowed=False)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OUTPUT = from_array("y", np.array([[0.5, 0.25]], "<f4"))


@pytest.fixture
def regions(tmp_path: Path) -> Iterator[Regions]:
    (tmp_path / "file").write_bytes(bytes(64))
    regions = Regions(allowed=True, folder=tmp_path)
    regions.register("r", "/file", 0, 64)
    yield regions
    regions.close()


def message(**fields: Any) -> ModelInferRequest:
    sent = ModelInferRequest(model_name="m", raw_input_contents=[b"\1"], **fields)
    sent.inputs.add(name="x", datatype="UINT8", shape=[1])
    return sent


def read(
    sent: ModelInferRequest, arrived_ns: int = 1_000, limits: Limits = UNSAID, trace: str = ""
) -> tuple[Request, Wanted]:
    return read_request(sent, sent.raw_input_contents, limits, arrived_ns, trace, Registry(), NO_REGIONS)


def write(*outputs: Tensor, wanted: Wanted = {}, regions: Regions = NO_REGIONS) -> ModelInferResponse:  # noqa: B006
    made = write_response(Response(ModelVersion("m", 3), outputs, BATCH), "7", wanted, regions)
    return ModelInferResponse.FromString(bytes(made.serialized()))


def test_a_message_becomes_a_request() -> None:
    request, wanted = read(message(id="7", model_version="2"), trace=TRACE)
    assert (request.id, request.model) == ("7", ModelRef("m", 2))
    assert request.inputs == (Tensor("x", "UINT8", (1,), b"\1"),)
    assert (request.context.protocol, request.context.arrived_ns, request.context.trace) == ("grpc", 1_000, TRACE)
    assert (request.outputs, wanted) == ((), {})


def test_outputs_are_asked_for_by_name() -> None:
    request, wanted = read(message(outputs=[{"name": "y"}, {"name": "z"}]))
    assert request.outputs == ("y", "z")
    assert wanted["z"] == WantedOutput("outputs[1]")


def test_a_parameter_of_an_output_is_refused_by_its_path() -> None:
    sent = message(outputs=[{"name": "y"}])
    sent.outputs[0].parameters["classification"].string_param = "2"
    with pytest.raises(InvalidRequest, match=r"^outputs\[0\]\.parameters\.classification: '2' is not an integer"):
        read(sent)


@pytest.mark.parametrize(("deadline_ns", "sooner_ns"), [(None, 6_000), (4_000, 5_000), (8_000, 6_000)])
def test_the_sooner_of_timeout_and_deadline_holds(deadline_ns: int | None, sooner_ns: int) -> None:
    sent = message()
    sent.parameters["timeout"].int64_param = 5  # microseconds
    request, _ = read(sent, limits=Limits(deadline_ns=deadline_ns))
    assert request.context.deadline_ns == sooner_ns


def test_priority_goes_to_the_context_and_other_parameters_to_the_model() -> None:
    sent = message()
    sent.parameters["priority"].uint64_param = 1
    sent.parameters["temperature"].double_param = 0.5
    request, _ = read(sent)
    assert (request.context.priority, request.parameters) == (1, {"temperature": 0.5})


def test_a_version_that_is_neither_number_nor_label_is_not_found() -> None:
    with pytest.raises(VersionNotFound):
        read(message(model_version="Newest"))


def test_a_label_stands_for_a_version() -> None:
    request, _ = read(message(model_version="stable"))
    assert request.model.label == "stable"


def test_an_answer_carries_its_tensors_raw() -> None:
    answer = write(OUTPUT, from_array("z", np.array([1], "u1")))
    assert (answer.model_name, answer.model_version, answer.id) == ("m", "3", "7")
    assert [(one.name, one.datatype, list(one.shape)) for one in answer.outputs] == [
        ("y", "FP32", [1, 2]),
        ("z", "UINT8", [1]),
    ]
    assert list(answer.raw_output_contents) == [bytes(OUTPUT.data), b"\1"]


def test_an_answer_does_not_share_memory_with_the_response() -> None:
    data = bytearray(b"\1")
    answer = write(Tensor("y", "UINT8", (1,), memoryview(data)))
    data[0] = 2
    assert list(answer.raw_output_contents) == [b"\1"]


def test_an_output_in_shared_memory_keeps_its_place_among_the_contents(regions: Regions) -> None:
    wanted = {"y": WantedOutput("outputs[0]", place=Place("r", 8, 16))}
    answer = write(OUTPUT, from_array("z", np.array([1], "u1")), wanted=wanted, regions=regions)
    assert list(answer.raw_output_contents) == [b"", b"\1"]
    assert answer.outputs[0].parameters["shared_memory_offset"].int64_param == 8
    assert regions.read("r", 8, 8, "") == bytes(OUTPUT.data)


def test_an_output_is_answered_as_classes() -> None:
    answer = write(OUTPUT, wanted={"y": WantedOutput("outputs[0]", classes=Classes(1, ("cat", "dog"), True))})
    assert (answer.outputs[0].datatype, list(answer.outputs[0].shape)) == ("BYTES", [1, 1])
    assert answer.raw_output_contents[0][4:] == b"0.500000:0:cat"


def test_parameters_are_written_to_the_field_of_their_type() -> None:
    target = ModelInferResponse().parameters
    write_parameters(target, {"a": True, "b": -1, "c": 2**64 - 1, "d": 0.5, "e": "s"})
    assert {name: value.WhichOneof("parameter_choice") for name, value in target.items()} == {
        "a": "bool_param",
        "b": "int64_param",
        "c": "uint64_param",
        "d": "double_param",
        "e": "string_param",
    }


def _seed() -> bytes:
    sent = message(id="7", model_version="1", outputs=[{"name": "y"}])
    sent.parameters["timeout"].int64_param = 5
    sent.inputs.add(name="z", datatype="INT8", shape=[2, 1], contents={"int_contents": [1, 2]})
    sent.inputs[0].parameters["p"].string_param = "q"
    return sent.SerializeToString()


@given(st.lists(st.tuples(st.integers(0, len(_seed()) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_mutated_message_is_read_or_refused_with_a_reason(changes: list[tuple[int, int]]) -> None:
    mutated = bytearray(_seed())
    for at, value in changes:
        mutated[at] = value
    try:
        read(ModelInferRequest.FromString(bytes(mutated)))
    except (DecodeError, HeadraceError):
        pass
