"""The inputs of messages become tensors, or are refused by the path of the field at fault."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.arrays import DATATYPES, from_array, join_bytes, to_array
from headrace.errors import Forbidden, InvalidRequest
from headrace.generated.service_pb2 import InferParameter, ModelInferRequest
from headrace.protocols.oip.grpc_tensors import FIELDS, read_inputs, read_parameters
from headrace.protocols.oip.shapes import MAX_NAMED
from headrace.protocols.oip.shared_memory import Regions
from headrace.types import Tensor

NO_REGIONS = Regions(allowed=False)
RAW = (b"\1\2",)


def message(*inputs: tuple[str, list[int], dict[str, Any] | None], raw: tuple[bytes, ...] = ()) -> ModelInferRequest:
    """Each input as datatype, shape and typed contents."""
    sent = ModelInferRequest(raw_input_contents=raw)
    for index, (datatype, shape, contents) in enumerate(inputs):
        sent.inputs.add(name=f"x{index}", datatype=datatype, shape=shape, contents=contents)
    return sent


def read(sent: ModelInferRequest) -> tuple[Tensor, ...]:
    return read_inputs(sent, sent.raw_input_contents, NO_REGIONS)


def refusal(sent: ModelInferRequest) -> str:
    with pytest.raises(InvalidRequest) as refused:
        read(sent)
    return str(refused.value)


def test_more_inputs_parameters_or_dimensions_than_can_be_are_refused_before_they_are_read() -> None:
    inputs, parameters = ModelInferRequest(), message(("UINT8", [1], None))
    for number in range(MAX_NAMED + 1):
        inputs.inputs.add()
        parameters.inputs[0].parameters[str(number)].bool_param = True
    assert refusal(inputs) == f"inputs: has {MAX_NAMED + 1} entries, at most {MAX_NAMED} are taken"
    assert refusal(parameters).startswith("inputs[0].parameters: has")
    assert refusal(message(("UINT8", [1] * 33, None))) == "inputs[0].shape: 33 dimensions, at most 32 are possible"


def test_raw_contents_are_the_inputs_data_in_their_order() -> None:
    first, second = read(message(("UINT8", [2], None), ("UINT8", [1], None), raw=(b"\1\2", b"\3")))
    assert (first, second) == (Tensor("x0", "UINT8", (2,), b"\1\2"), Tensor("x1", "UINT8", (1,), b"\3"))


@pytest.mark.parametrize("datatype", FIELDS)
def test_typed_contents_of_every_datatype_are_read_from_their_field(datatype: str) -> None:
    array = np.array([b"a", b""] if datatype == "BYTES" else [1, 0], DATATYPES[datatype])
    (tensor,) = read(message((datatype, [2, 1], {FIELDS[datatype]: array.tolist()})))
    assert (tensor.datatype, tensor.shape) == (datatype, (2, 1))
    np.testing.assert_array_equal(to_array(tensor), array.reshape(2, 1))


@given(st.lists(st.binary(max_size=9), max_size=9))
def test_any_bytes_travel_typed(elements: list[bytes]) -> None:
    (tensor,) = read(message(("BYTES", [len(elements)], {"bytes_contents": elements})))
    assert tensor.data == join_bytes(elements)


@given(st.lists(st.floats(width=32), max_size=9))
def test_any_floats_travel_typed_bit_for_bit(values: list[float]) -> None:
    (tensor,) = read(message(("FP32", [len(values)], {"fp32_contents": values})))
    assert bytes(tensor.data) == np.array(values, "<f4").tobytes()


@pytest.mark.parametrize(
    ("datatype", "field", "value"),
    [("INT8", "int_contents", 128), ("INT16", "int_contents", -32769), ("UINT8", "uint_contents", 256)],
)
def test_an_integer_out_of_its_range_is_named_with_the_range(datatype: str, field: str, value: int) -> None:
    limits = np.iinfo(DATATYPES[datatype].str)
    assert refusal(message((datatype, [3], {field: [0, value, 0]}))) == (
        f"inputs[0].contents.{field}[1]: {value} is not in the range of {datatype}, {limits.min} to {limits.max}"
    )


@pytest.mark.parametrize("datatype", ["FP16", "BF16"])
def test_half_floats_have_no_typed_contents(datatype: str) -> None:
    said = refusal(message((datatype, [1], {"fp32_contents": [1.0]})))
    assert said == f"inputs[0].datatype: {datatype} has no typed contents; send raw_input_contents"


def test_half_floats_travel_raw() -> None:
    halves = np.array([1, 2], "<f2")
    assert read(message(("FP16", [2], None), raw=(halves.tobytes(),))) == (from_array("x0", halves),)


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (
            message(("FP32", [1], {"int_contents": [1]})),
            "inputs[0].contents.int_contents: FP32 is read from fp32_contents",
        ),
        (
            message(("FP32", [2], {"fp32_contents": [1]})),
            "inputs[0].contents.fp32_contents: shape [2] is 2 elements, 1 were sent",
        ),
        (
            message(("FP32", [2], None)),
            "inputs[0].contents.fp32_contents: shape [2] is 2 elements, 0 were sent",
        ),
        (
            message(("UINT8", [2], {"uint_contents": [1, 2]}), raw=RAW),
            "inputs[0].contents: raw_input_contents has the data of every input; send one or the other",
        ),
        (
            message(("UINT8", [2], None), ("UINT8", [1], None), raw=RAW),
            "inputs[1]: has no entry in raw_input_contents, which has one for each input",
        ),
        (
            message(("UINT8", [2], None), raw=(b"\1\2", b"")),
            "raw_input_contents: 2 are sent, more than there are inputs without shared_memory_region",
        ),
        (message(("UINT8", [3], None), raw=RAW), "inputs[0]: shape [3] of UINT8 takes 3 bytes, 2 were sent"),
        (message(("UINT8", [-2], None), raw=RAW), "inputs[0].shape: [-2] has a negative dimension"),
        (
            message(("FP32", [2**62, 8], {"fp32_contents": []})),
            "inputs[0].shape: the shape has more elements than any tensor can have",
        ),
        (
            message(("INT32", [10**9], {"int_contents": [1]})),
            "inputs[0].contents.int_contents: shape [1000000000] is 1000000000 elements, 1 were sent",
        ),
        (message(("BYTES", [1], None), raw=(b"\xff\0\0\0",)), "inputs[0]: element 0 is 255 bytes long, 0 are left"),
    ],
)
def test_what_does_not_fit_together_is_refused(sent: ModelInferRequest, said: str) -> None:
    assert refusal(sent) == said


def test_an_unknown_datatype_is_refused_with_those_that_are_known() -> None:
    assert refusal(message(("FLOAT", [1], None))).startswith("inputs[0].datatype: 'FLOAT' is no datatype; they are ")


def test_a_dimension_of_zero_needs_no_contents() -> None:
    assert read(message(("FP32", [0, 4], None))) == (Tensor("x0", "FP32", (0, 4), b""),)


def test_contents_beside_shared_memory_are_refused() -> None:
    sent = message(("UINT8", [1], {"uint_contents": [1]}))
    sent.inputs[0].parameters["shared_memory_region"].string_param = "r"
    assert refusal(sent) == "inputs[0].contents: the input is in shared memory; send one or the other"


def test_shared_memory_is_refused_where_it_is_off() -> None:
    sent = message(("UINT8", [1], None))
    sent.inputs[0].parameters["shared_memory_region"].string_param = "r"
    sent.inputs[0].parameters["shared_memory_byte_size"].int64_param = 1
    with pytest.raises(Forbidden):
        read(sent)


def test_parameters_are_read_whatever_field_carries_them() -> None:
    sent = {
        "a": InferParameter(bool_param=True),
        "b": InferParameter(int64_param=-1),
        "c": InferParameter(string_param="s"),
        "d": InferParameter(double_param=0.5),
        "e": InferParameter(uint64_param=2**64 - 1),
    }
    assert read_parameters(sent, "parameters") == {"a": True, "b": -1, "c": "s", "d": 0.5, "e": 2**64 - 1}


def test_a_parameter_without_a_value_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"^parameters\.a: has no value$"):
        read_parameters({"a": InferParameter()}, "parameters")
