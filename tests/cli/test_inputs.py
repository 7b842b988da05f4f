"""What `--input` may say, and the arrays that come of it."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.arrays import DATATYPES, from_array
from headrace.cli.failure import Failure
from headrace.cli.inputs import parse_input
from headrace.types import FREE, TensorSpec


def _spec(datatype: str, *shape: int) -> TensorSpec:
    return TensorSpec("x", datatype, shape)


@pytest.mark.parametrize(
    ("text", "shape", "lies"),
    [
        ("1,2,3", (FREE,), [1, 2, 3]),
        ("1,2,3,4", (FREE, 2), [[1, 2], [3, 4]]),
        ("1,2,3", (FREE, FREE), [[1, 2, 3]]),
        ("[1,2,3]", (1, 3), [[1, 2, 3]]),
        ("[[1],[2]]", (FREE, FREE), [[1], [2]]),
        ("5", (), 5),
        ("5", (1, 1), [[5]]),
    ],
)
def test_values_lie_as_the_models_shape_says(text: str, shape: tuple[int, ...], lies: object) -> None:
    array = parse_input(text, _spec("INT32", *shape))
    assert array.dtype == np.int32
    assert array.tolist() == lies


@pytest.mark.parametrize("text", [".5,nan,-inf,+2", "0.5, NaN, -Infinity, 2"])
def test_numbers_are_written_as_people_do(text: str) -> None:
    array = parse_input(text, _spec("FP32", FREE))
    np.testing.assert_array_equal(array, np.array([0.5, np.nan, -np.inf, 2], np.float32))


def test_a_whole_number_beyond_64_bits_is_one_that_floats_have() -> None:
    assert parse_input("[99999999999999999999, 1.5]", _spec("FP64", FREE)).tolist() == [1e20, 1.5]


def test_zeros_ones_and_random_have_the_shape_that_is_written() -> None:
    assert parse_input("zeros:1x3", _spec("FP32", FREE, FREE)).tolist() == [[0, 0, 0]]
    assert parse_input("ones:2", _spec("BOOL", FREE)).tolist() == [True, True]
    assert parse_input("random:2x3", _spec("FP16", FREE, FREE)).shape == (2, 3)


def test_random_is_the_same_every_time() -> None:
    spec = _spec("INT64", FREE)
    assert parse_input("random:9", spec).tolist() == parse_input("random:9", spec).tolist()


def test_without_a_shape_it_is_the_models_with_free_dimensions_of_1() -> None:
    assert parse_input("zeros:", _spec("FP32", FREE, 4)).shape == (1, 4)
    assert parse_input("ones", _spec("FP32", FREE, 4)).shape == (1, 4)


def test_a_word_for_made_up_values_is_text_where_text_is_taken() -> None:
    assert parse_input("ones", _spec("BYTES", FREE)).tolist() == [b"ones"]


@pytest.mark.parametrize("datatype", DATATYPES)
@pytest.mark.parametrize("fill", ["zeros", "ones", "random"])
def test_every_datatype_can_be_made_up_and_sent(datatype: str, fill: str) -> None:
    spec = _spec(datatype, FREE, 3)
    assert from_array("x", parse_input(f"{fill}:2x3", spec), datatype).shape == (2, 3)


def test_a_file_is_read_and_taken_as_the_inputs_datatype(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(4, dtype=np.int64))
    assert parse_input(f"@{tmp_path}/x.npy", _spec("INT8", FREE)).dtype == np.int8


@pytest.mark.parametrize(
    ("text", "elements"),
    [
        ("hello", [b"hello"]),
        ("a,b", [b"a", b"b"]),
        ('["a,b", "c"]', [b"a,b", b"c"]),
        ("text:a,b", [b"a,b"]),
        ("12", [b"12"]),
        ("zeros", [b"zeros"]),
        ("gr\u00fcn", ["gr\u00fcn".encode()]),
    ],
)
def test_strings_are_text_or_json(text: str, elements: list[bytes]) -> None:
    assert parse_input(text, _spec("BYTES", FREE)).tolist() == elements


def test_strings_from_a_file_become_bytes(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array(["a", "bc"]))
    assert parse_input(f"@{tmp_path}/x.npy", _spec("BYTES", FREE)).tolist() == [b"a", b"bc"]


def test_bf16_is_rounded_to_the_nearest_even() -> None:
    bits = parse_input("1.0,1.00390625,1.01171875,NaN", _spec("BF16", FREE))
    assert [hex(each) for each in bits.tolist()] == ["0x3f80", "0x3f80", "0x3f82", "0x7fc0"]


@pytest.mark.parametrize(
    ("text", "spec", "message"),
    [
        ("@none.npy", _spec("FP32", 1), "none.npy cannot be read: No such file"),
        ("abc", _spec("FP32", FREE), "'abc' is not understood; write @file.npy, 1,2,3"),
        ("[[1],[2,3]]", _spec("FP32", FREE, FREE), "are not equally long"),
        ("1.5", _spec("INT32", FREE), "takes INT32; float64 was given"),
        ("300", _spec("UINT8", FREE), "a value does not fit in UINT8"),
        ("[[99999999999999999999]]", _spec("INT64", FREE, FREE), "a value does not fit in INT64"),
        ("9223372036854775808,-1", _spec("INT64", FREE), "a value does not fit in INT64"),
        ("99999999999999999999,1.5", _spec("INT64", FREE), "takes INT64; float64 was given"),
        ("9" * 400, _spec("FP64", FREE), "a value does not fit in FP64"),
        ('"a"', _spec("INT64", FREE), "takes INT64"),
        ("null", _spec("FP32", FREE), "takes FP32"),
        ("1,2,3", _spec("FP32", FREE, 2), "3 values do not fill the shape ?x2"),
        ("zeros:1xa", _spec("FP32", FREE), "'1xa' is not a shape; write it like 1x3x224x224"),
        ("zeros:-1", _spec("FP32", FREE), "'-1' is not a shape"),
        ("zeros:99999x99999", _spec("FP32", FREE), "is too large to make up"),
    ],
)
def test_what_is_wrong_is_said(text: str, spec: TensorSpec, message: str) -> None:
    with pytest.raises(Failure) as caught:
        parse_input(text, spec)
    assert message in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("content", [b"", b"no", b"\x89PNG\r\n\x1a\n"])
def test_a_file_that_is_not_an_array_is_refused_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(Failure, match=r"is not a \.npy file; make an array of what is in it"):
        parse_input(f"@{tmp_path}/x.png", _spec("FP32", FREE))


def test_a_file_of_objects_or_one_that_is_cut_short_is_refused_as_what_it_is(tmp_path: Path) -> None:
    np.save(tmp_path / "objects.npy", np.array(["a", None], object))
    with pytest.raises(Failure, match="holds Python objects"):
        parse_input(f"@{tmp_path}/objects.npy", _spec("BYTES", FREE))
    np.save(tmp_path / "cut.npy", np.zeros(4))
    (tmp_path / "cut.npy").write_bytes((tmp_path / "cut.npy").read_bytes()[:-5])
    with pytest.raises(Failure, match=r"is not a whole \.npy file"):
        parse_input(f"@{tmp_path}/cut.npy", _spec("FP64", FREE))


@pytest.mark.fuzz
@given(st.text(max_size=30), st.sampled_from(sorted(DATATYPES)), st.lists(st.sampled_from([FREE, 1, 2]), max_size=3))
def test_any_text_is_an_array_that_can_be_sent_or_a_failure(text: str, datatype: str, shape: list[int]) -> None:
    if text.startswith("@"):
        return
    try:
        array = parse_input(text, _spec(datatype, *shape))
    except Failure:
        return
    from_array("x", array, datatype)
