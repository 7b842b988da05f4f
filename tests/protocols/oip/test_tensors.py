"""JSON data and raw bodies become tensors, or a refusal that says where."""

import json
import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.arrays import DATATYPES, from_array, split_bytes, to_array
from headrace.errors import HeadraceError, InvalidRequest
from headrace.protocols.oip.tensors import Written, from_body, from_json, to_json
from headrace.types import FREE, Shape, Tensor, TensorSpec

INTEGERS = [name for name, dtype in DATATYPES.items() if dtype.kind in "iu" and name != "BF16"]


def _refusal(datatype: str, shape: Shape, data: bytes) -> str:
    with pytest.raises(InvalidRequest) as refusal:
        from_json("x", datatype, shape, data, "inputs[0]")
    return str(refusal.value)


@pytest.mark.parametrize("datatype", INTEGERS)
def test_integers_up_to_the_limits_of_their_type_come_through(datatype: str) -> None:
    limits = np.iinfo(DATATYPES[datatype].str)
    tensor = from_json("x", datatype, (2,), json.dumps([int(limits.min), int(limits.max)]).encode(), "inputs[0]")
    assert to_array(tensor).tolist() == [limits.min, limits.max]


@pytest.mark.parametrize("datatype", INTEGERS)
def test_an_integer_over_the_limit_is_refused_with_its_place_and_range(datatype: str) -> None:
    limits = np.iinfo(DATATYPES[datatype].str)
    refusal = _refusal(datatype, (3,), json.dumps([0, int(limits.max) + 1, 0]).encode())
    wrong = int(limits.max) + 1
    assert refusal == f"inputs[0].data[1]: {wrong} is not in the range of {datatype}, {limits.min} to {limits.max}"


def test_nested_data_is_taken_in_row_major_order() -> None:
    tensor = from_json("x", "INT32", (2, 2, 1), b" [[[1], [2]],\n[[3],[4]]]", "inputs[0]")
    assert to_array(tensor).tolist() == [[[1], [2]], [[3], [4]]]


def test_flat_data_fits_any_shape_of_as_many_elements() -> None:
    assert to_array(from_json("x", "FP32", (2, 2), b"[1,2,3,4.5]", "i")).tolist() == [[1, 2], [3, 4.5]]
    assert to_array(from_json("x", "FP64", (), b"[7]", "i")).shape == ()
    assert to_array(from_json("x", "FP64", (0, 3), b"[]", "i")).shape == (0, 3)
    assert to_array(from_json("x", "FP64", (2, 0), b"[[],[]]", "i")).shape == (2, 0)


def test_strings_become_utf8_with_their_length_before_them() -> None:
    tensor = from_json("x", "BYTES", (2,), '["héad",""]'.encode(), "inputs[0]")
    assert list(split_bytes(tensor.data)) == ["héad".encode(), b""]


@pytest.mark.parametrize("datatype", ["INT32", "UINT8", "FP32", "FP64", "BOOL"])
def test_long_data_is_read_as_short_data_is(datatype: str) -> None:
    values = ([True, False, False] if datatype == "BOOL" else [1, 7, 250]) * 40_000
    tensor = from_json("x", datatype, (60_000, 2), json.dumps(values).encode(), "inputs[0]")
    assert to_array(tensor).ravel().tolist() == values


def test_an_integer_over_the_limit_is_found_in_long_data_too() -> None:
    refusal = _refusal("UINT8", (110_000,), json.dumps([0] * 100_000 + [256] + [0] * 9_999).encode())
    assert refusal.startswith("inputs[0].data[100000]: 256 is not in the range of UINT8")


def test_others_have_their_turns_while_long_data_is_read_or_written(monkeypatch: pytest.MonkeyPatch) -> None:
    rests: list[None] = []
    monkeypatch.setattr("headrace.protocols.oip.tensors.rest", lambda: rests.append(None))
    from_json("x", "INT32", (300_000,), json.dumps([1] * 300_000).encode(), "inputs[0]")
    read = len(rests)
    assert read > 10
    to_json(from_array("y", np.zeros(100_000, "i4")), "")
    assert len(rests) > read + 10
    to_json(from_array("y", np.zeros(8192, "i4")), "")  # on the event loop
    assert len(rests) == read + 25


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("1099511627776", "inputs[0].data[90000][1]: 1099511627776 is not in the range of INT32"),
        ("2.5", "inputs[0].data[90000][1]: expected an integer, got a number"),
        ("1,1", "inputs[0].data: data is not nested as shape [100000, 2] says"),
        ("[1]", "inputs[0].data: data is not nested as shape [100000, 2] says"),
        ("x", "inputs[0].data: not JSON: invalid character (byte 720004)"),
    ],
)
def test_what_is_wrong_in_long_nested_data_is_told_with_its_place(wrong: str, message: str) -> None:
    rows = ["[11,11]"] * 100_000
    assert len(from_json("x", "INT32", (100_000, 2), f"[{','.join(rows)}]".encode(), "inputs[0]").data) == 800_000
    rows[90_000] = f"[1,{wrong}]"
    assert _refusal("INT32", (100_000, 2), f"[{','.join(rows)}]".encode()).startswith(message)


def test_long_nested_data_without_an_element_is_empty() -> None:
    data = b"[" + b",".join([b"[]"] * 100_000) + b"]"
    assert from_json("x", "INT32", (100_000, 0), data, "inputs[0]") == Tensor("x", "INT32", (100_000, 0), b"")


@pytest.mark.parametrize("before", [10, 200_000])
def test_where_long_data_is_no_json_it_is_told(before: int) -> None:
    data = b"[" + b"1," * before + b"x," + b"1," * 300_000 + b"1]"
    wrong = f"inputs[0].data: not JSON: invalid character (byte {data.index(b'x')})"
    assert _refusal("INT32", (before + 300_002,), data) == wrong


def test_booleans_are_true_and_false() -> None:
    assert bytes(from_json("x", "BOOL", (2,), b"[true,false]", "i").data) == b"\x01\x00"


@pytest.mark.parametrize(
    ("datatype", "shape", "data", "message"),
    [
        ("INT32", (4,), b"[0,0,0,1099511627776]", "inputs[0].data[3]: 1099511627776 is not in the range of INT32"),
        ("INT32", (2, 2), b"[[0,0],[0,1099511627776]]", "inputs[0].data[1][1]: 1099511627776 is not in the range"),
        ("INT64", (1,), b"[9223372036854775808]", "inputs[0].data[0]: 9223372036854775808 is not in the range"),
        ("UINT8", (1,), b"[-1]", "inputs[0].data[0]: -1 is not in the range of UINT8, 0 to 255"),
        ("INT32", (2,), b"[1,2.5]", "inputs[0].data[1]: expected an integer, got a number"),
        ("INT32", (1,), b"[true]", "inputs[0].data[0]: expected an integer, got true or false"),
        ("BOOL", (1,), b"[1]", "inputs[0].data[0]: expected true or false, got an integer"),
        ("FP32", (1,), b"[1e39]", "inputs[0].data[0]: 1e+39 is not in the range of FP32"),
        ("FP64", (1,), b"[1e999]", "inputs[0].data[0]: Number out of range"),
        ("FP32", (1,), b"[NaN]", "inputs[0].data: not JSON: invalid character"),
        ("FP32", (1,), b'["1"]', "inputs[0].data[0]: expected a number, got a string"),
        ("FP32", (1,), b"7", "inputs[0].data: expected an array, got an integer"),
        ("FP32", (1,), b"[" * 9000, "inputs[0].data"),
        ("FP16", (1,), b"[1]", "inputs[0].datatype: FP16 cannot be sent as JSON; send it as binary data"),
        ("BF16", (1,), b"[1]", "inputs[0].datatype: BF16 cannot be sent as JSON"),
        ("FP99", (1,), b"[1]", "inputs[0].datatype: 'FP99' is no datatype"),
        ("FP32", (-1,), b"[1]", "inputs[0].shape: [-1] has a negative dimension"),
        ("FP32", (10**9,), b"[1]", "inputs[0].data: shape [1000000000] is 1000000000 elements, data has fewer"),
        ("FP32", (2**62, 4), b"[1]", "inputs[0].shape: the shape has more elements"),
        ("FP32", (3,), b"[1,2]", "inputs[0].data: shape [3] is 3 elements, 2 were sent"),
        ("FP32", (4,), b"[[1,2],[3,4]]", "inputs[0].data: data is nested 2 deep, shape [4] has 1 dimensions"),
        ("FP32", (2, 2), b"[[1,2],[3]]", "inputs[0].data: data is not nested as shape [2, 2] says"),
        ("FP32", (2, 3), b"[[1,2],[3,4],[5,6]]", "inputs[0].data: data is not nested as shape [2, 3] says"),
        ("BYTES", (1,), b'["\xff"]', "inputs[0].data: not UTF-8"),
        ("BYTES", (1,), b"[1]", "inputs[0].data[0]: expected a string, got an integer"),
    ],
)
def test_wrong_data_is_refused_with_its_place(datatype: str, shape: Shape, data: bytes, message: str) -> None:
    assert _refusal(datatype, shape, data).startswith(message)


@given(
    st.sampled_from(list(DATATYPES)),
    st.lists(st.integers(-2, 4), max_size=3),
    st.one_of(
        st.binary(max_size=20),
        st.recursive(
            st.one_of(st.integers(), st.floats(), st.booleans(), st.none(), st.text(max_size=3)),
            lambda inner: st.lists(inner, max_size=4),
        ).map(lambda value: json.dumps(value).encode()),
    ),
)
def test_any_data_is_a_whole_tensor_or_refused(datatype: str, shape: list[int], data: bytes) -> None:
    try:
        tensor = from_json("x", datatype, tuple(shape), data, "inputs[0]")
    except HeadraceError as refusal:
        assert refusal.where.startswith("inputs[0]")
    else:
        assert to_array(tensor).shape == tuple(shape)


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=9))
def test_what_is_sent_as_json_comes_back_as_json(values: list[float]) -> None:
    tensor = from_json("x", "FP32", (len(values),), json.dumps(values).encode(), "inputs[0]")
    assert to_json(tensor, "outputs[0]") == values


@pytest.mark.parametrize("count", [4096, 4097, 10_000])
def test_long_lists_are_written_as_short_ones_are(count: int) -> None:
    numbers = from_array("y", np.arange(count, dtype="f4") / 7)
    texts = from_array("y", np.array([b"%d" % i for i in range(count)], object))
    for tensor, values in ((numbers, to_array(numbers).tolist()), (texts, [str(i) for i in range(count)])):
        written = to_json(tensor, "")
        json = b"".join(written.pieces) if isinstance(written, Written) else msgspec.json.encode(written)
        assert json == msgspec.json.encode(values)


def test_every_datatype_but_the_half_ones_is_written_as_json() -> None:
    assert to_json(from_array("y", np.array([[1, 2]], "i8")), "") == [1, 2]
    assert to_json(from_array("y", np.array([True])), "") == [True]
    assert to_json(from_array("y", np.array([b"a"], object)), "") == ["a"]
    assert to_json(from_array("y", np.array(1.5, "f8")), "") == [1.5]


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (from_array("y", np.array([math.nan], "f4")), "NaN or infinity"),
        (from_array("y", np.array([math.inf], "f8")), "NaN or infinity"),
        (from_array("y", np.array([b"\xff"], object)), "not UTF-8"),
        (from_array("y", np.array([1], "f2")), "FP16 cannot be sent as JSON"),
        (Tensor("y", "BF16", (1,), b"ab"), "BF16 cannot be sent as JSON"),
    ],
)
def test_what_json_cannot_carry_is_refused_with_advice(tensor: Tensor, message: str) -> None:
    with pytest.raises(InvalidRequest, match=rf"outputs\[0\]: .*{message}.*; ask for it with binary_data = true"):
        to_json(tensor, "outputs[0]")


def test_a_raw_body_tells_the_one_free_dimension() -> None:
    assert from_body(TensorSpec("x", "FP32", (FREE, 4)), bytes(48), batched=True).shape == (3, 4)
    assert from_body(TensorSpec("x", "FP32", (2, 4)), bytes(32), batched=False).shape == (2, 4)


def test_a_raw_body_is_one_row_where_more_than_the_batch_is_free() -> None:
    assert from_body(TensorSpec("x", "INT64", (FREE, FREE)), bytes(24), batched=True).shape == (1, 3)


def test_a_raw_body_for_a_bytes_input_is_its_one_element() -> None:
    tensor = from_body(TensorSpec("x", "BYTES", (FREE, 1)), b"abc", batched=True)
    assert (tensor.shape, list(split_bytes(tensor.data))) == ((1, 1), [b"abc"])


def test_a_raw_body_that_ends_within_a_row_is_told_what_a_row_takes() -> None:
    with pytest.raises(InvalidRequest, match=r"takes \[-1, 4\] of FP32, a multiple of 16 bytes, and the body has 17"):
        from_body(TensorSpec("x", "FP32", (FREE, 4)), bytes(17), batched=True)


@pytest.mark.parametrize(
    ("spec", "size"),
    [
        (TensorSpec("x", "FP32", (FREE, 4)), 17),
        (TensorSpec("x", "FP32", (FREE, FREE)), 16),
        (TensorSpec("x", "FP32", (FREE, 0)), 16),
        (TensorSpec("x", "FP32", (3,)), 16),
        (TensorSpec("x", "BYTES", (2,)), 16),
    ],
)
def test_a_raw_body_that_no_shape_fits_is_refused(spec: TensorSpec, size: int) -> None:
    with pytest.raises(InvalidRequest, match="'x'"):
        from_body(spec, bytes(size), batched=False)
