"""Shapes, datatypes and sizes that cannot be are refused before anything is laid out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.arrays import DATATYPES, ITEM_BYTES, join_bytes, split_bytes
from headrace.errors import InvalidRequest
from headrace.protocols.oip.shapes import MAX_RANK, check_bytes, check_content, check_size, count_elements
from headrace.types import Shape


@pytest.mark.parametrize(("shape", "count"), [((), 1), ((0, 5), 0), ((2, 3, 4), 24), ((2**40,), 2**40)])
def test_elements_are_counted(shape: Shape, count: int) -> None:
    assert count_elements("FP32", shape, "x") == count


@pytest.mark.parametrize("shape", [(-1,), (2, -3), (2**63, 2**63), (2**41,), (0, 2**62), (1,) * (MAX_RANK + 1)])
def test_a_shape_that_cannot_be_is_refused_at_its_path(shape: Shape) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        count_elements("FP32", shape, "inputs[0]")
    assert refusal.value.where == "inputs[0].shape"


def test_an_unknown_datatype_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(InvalidRequest, match=r"inputs\[0\]\.datatype: 'FP8' is no datatype; they are BOOL, .*, BYTES"):
        count_elements("FP8", (1,), "inputs[0]")


@pytest.mark.parametrize("datatype", [name for name in DATATYPES if name != "BYTES"])
def test_only_the_exact_size_passes(datatype: str) -> None:
    size = 6 * ITEM_BYTES[datatype]
    check_size(datatype, (2, 3), size, "x")
    for wrong in (size - 1, size + 1, 0):
        with pytest.raises(InvalidRequest, match=rf"x: shape \[2, 3\] of {datatype} takes {size} bytes, {wrong} were"):
            check_size(datatype, (2, 3), wrong, "x")


@given(st.lists(st.binary(max_size=5), max_size=6))
def test_whole_elements_pass(elements: list[bytes]) -> None:
    check_bytes(join_bytes(elements), (len(elements),), "x")


@given(st.binary(max_size=20), st.integers(0, 5))
def test_what_passes_can_be_split_into_as_many_elements(data: bytes, count: int) -> None:
    try:
        check_bytes(data, (count,), "x")
    except InvalidRequest as refusal:
        assert refusal.where == "x"
    else:
        assert len(list(split_bytes(data))) == count


@pytest.mark.parametrize(
    ("data", "count", "message"),
    [
        (b"\x05\0\0\0abc", 1, "element 0 is 5 bytes long, 3 are left"),
        (b"\x01\0\0\0a\0\0\0", 2, "cannot hold them|no 4-byte length at byte 5 of 8"),
        (b"\x00\0\0\0a", 1, "1 bytes are left after the 1 elements"),
        (b"", 10**9, "1000000000 elements, 0 bytes cannot hold them"),
        (b"\xff\xff\xff\xff", 1, "element 0 is 4294967295 bytes long, 0 are left"),
    ],
)
def test_elements_beyond_the_end_are_refused(data: bytes, count: int, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        check_bytes(data, (count,), "x")


def test_content_is_checked_by_its_datatype() -> None:
    check_content("INT32", (2,), bytes(8), "x")
    check_content("BYTES", (1,), b"\x01\0\0\0a", "x")
    check_content("BOOL", (2,), b"\0\x01", "x")
    check_content("BOOL", (0,), b"", "x")
    for datatype, data in (("INT32", bytes(7)), ("BYTES", b"a"), ("BOOL", b"\0\x02")):
        with pytest.raises(InvalidRequest):
            check_content(datatype, (2,), data, "x")
