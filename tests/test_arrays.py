"""Tensors and numpy arrays, there and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from headrace.arrays import (
    DATATYPES,
    ITEM_BYTES,
    PART,
    datatype_of,
    filled,
    from_array,
    join_bytes,
    row_ends,
    split_bytes,
    to_array,
    to_numbers,
)
from headrace.types import Tensor

NUMERIC = sorted(set(DATATYPES) - {"BYTES"})
SHAPES = arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)


@given(st.sampled_from(NUMERIC).flatmap(lambda name: arrays.arrays(DATATYPES[name], SHAPES).map(lambda a: (name, a))))
def test_numbers_come_back_as_they_went(pair: tuple[str, NDArray[np.generic]]) -> None:
    datatype, array = pair
    tensor = from_array("x", array, datatype)
    assert len(tensor.data) == array.size * ITEM_BYTES[datatype]
    assert tensor.shape == array.shape
    assert to_array(tensor).tobytes() == array.tobytes()


@given(st.lists(st.binary(max_size=9), max_size=9))
def test_strings_come_back_as_they_went(elements: list[bytes]) -> None:
    array = np.empty(len(elements), dtype=object)
    array[:] = elements
    assert to_array(from_array("x", array)).tolist() == elements


@pytest.mark.fuzz
@given(st.binary(max_size=40))
def test_any_bytes_are_elements_or_a_value_error(data: bytes) -> None:
    try:
        elements = list(split_bytes(data))
    except ValueError:
        return
    assert join_bytes(elements) == data


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"\1\0\0", "3 bytes left at byte 0"), (b"\5\0\0\0ab", "the element at byte 0 is 5 bytes long, 2 are left")],
)
def test_a_string_that_goes_beyond_the_end_is_told_by_its_place(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        list(split_bytes(data))


def test_other_byte_orders_and_strides_are_put_right() -> None:
    array = np.arange(6, dtype=">i4").reshape(2, 3).T
    assert to_array(from_array("x", array)).tolist() == array.tolist()


def test_text_becomes_utf8() -> None:
    assert to_array(from_array("x", np.array(["\u00e9"]))).tolist() == ["\u00e9".encode()]


def test_a_view_shares_the_tensors_memory() -> None:
    data = bytearray(b"\1\2")
    view = to_array(Tensor("x", "UINT8", (2,), data))
    data[0] = 9
    assert view.tolist() == [9, 2]


@pytest.mark.parametrize("datatype", sorted(set(NUMERIC) - {"BF16"}))
def test_an_arrays_datatype_is_found(datatype: str) -> None:
    assert datatype_of(np.zeros(1, DATATYPES[datatype])) == datatype


def test_what_has_no_datatype_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        datatype_of(np.zeros(1, np.complex64))


def test_rows_of_strings_end_where_their_elements_do() -> None:
    data = join_bytes([b"a", b"", b"bcd", b"e"])
    assert row_ends(data, (2, 2)) == [9, 21]
    assert row_ends(b"", (3, 0)) == [0, 0, 0]


@pytest.mark.parametrize("datatype", NUMERIC)
def test_an_array_is_filled_with_a_number(datatype: str) -> None:
    array = filled(datatype, 1, (2, 3))
    assert (array.dtype, array.shape) == (DATATYPES[datatype], (2, 3))
    one = 0x3F80 if datatype == "BF16" else 1
    assert (array == one).all()


@pytest.mark.parametrize(
    ("datatype", "value"),
    [("INT8", 128), ("UINT8", -1), ("INT64", 0.5), ("INT32", float("inf")), ("BOOL", 2), ("BYTES", 0)],
)
def test_a_number_that_a_datatype_cannot_hold_is_refused(datatype: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{datatype} cannot hold {value}"):
        filled(datatype, value, (1,))


@pytest.mark.parametrize("count", [0, 3, PART, 2 * PART + 1])
def test_numbers_are_the_same_in_parts(count: int) -> None:
    array = to_numbers(list(range(count)), np.dtype("<i4"))
    assert array.dtype == np.int32
    assert array.tolist() == list(range(count))


@pytest.mark.parametrize("count", [1, PART + 1])
def test_a_number_out_of_range_is_refused_wherever_it_is(count: int) -> None:
    with pytest.raises(OverflowError):
        to_numbers([*[0] * (count - 1), 300], np.dtype("i1"))
