"""Outputs as their highest classes."""

import numpy as np
import pytest
from numpy.typing import NDArray

from headrace.arrays import from_array, split_bytes
from headrace.errors import InvalidRequest
from headrace.protocols.oip.classification import MAX_CLASSES, classify
from headrace.types import Tensor


def _classes(array: NDArray[np.generic], count: int, labels: tuple[str, ...] = (), batched: bool = False) -> list[str]:
    return [element.decode() for element in split_bytes(classify(from_array("y", array), count, labels, batched).data)]


def test_the_highest_values_come_first_with_index_and_label() -> None:
    scores = np.array([0.1, 0.75, 0.5], "f4")
    assert _classes(scores, 2, ("cat", "dog", "cow")) == ["0.750000:1:dog", "0.500000:2:cow"]


def test_each_row_of_a_batched_output_is_classified_alone() -> None:
    tensor = classify(from_array("y", np.array([[1, 2], [4, 3]], "i4")), 1, (), batched=True)
    assert tensor.shape == (2, 1)
    assert list(split_bytes(tensor.data)) == [b"2:1", b"4:0"]


def test_an_unbatched_output_is_classified_as_a_whole() -> None:
    tensor = classify(from_array("y", np.array([[1, 2], [4, 3]], "i4")), 2, (), batched=False)
    assert tensor.shape == (2,)
    assert list(split_bytes(tensor.data)) == [b"4:2", b"3:3"]


def test_more_classes_than_there_are_means_all() -> None:
    assert _classes(np.array([2, 1], "u1"), 100) == ["2:0", "1:1"]


@pytest.mark.parametrize("shape", [(MAX_CLASSES + 1,), (2, MAX_CLASSES // 2 + 1)])
def test_more_classes_than_are_written_are_refused(shape: tuple[int, ...]) -> None:
    output = from_array("y", np.zeros(shape, "u1"))
    assert classify(output, MAX_CLASSES // 2, (), batched=len(shape) > 1).datatype == "BYTES"
    with pytest.raises(InvalidRequest, match=r"output 'y' are more than 65536, the most; ask for fewer"):
        classify(output, MAX_CLASSES + 1, (), batched=len(shape) > 1)


def test_of_equal_values_the_first_comes_first_and_nan_comes_last() -> None:
    assert _classes(np.array([np.nan, 1, 2, 1], "f8"), 4) == ["2.000000:2", "1.000000:1", "1.000000:3", "nan:0"]


def test_labels_may_be_fewer_than_classes() -> None:
    assert _classes(np.array([1, 2], "i8"), 2, ("cat",)) == ["2:1", "1:0:cat"]


@pytest.mark.parametrize("dtype", ["f2", "u1", "i8", "u8"])
def test_every_kind_of_number_is_classified(dtype: str) -> None:
    assert _classes(np.array([1, 3, 2], dtype), 1)[0].startswith("3")


def test_a_scalar_and_an_empty_output_are_no_trouble() -> None:
    assert _classes(np.array(5, "i4"), 3, batched=True) == ["5:0"]
    assert _classes(np.empty((0, 4), "f4"), 3, batched=True) == []


@pytest.mark.parametrize("datatype", ["BOOL", "BYTES", "BF16"])
def test_what_is_not_a_number_is_refused(datatype: str) -> None:
    with pytest.raises(InvalidRequest, match=f"output 'y' is {datatype}, which has no classes"):
        classify(Tensor("y", datatype, (0,), b""), 1, (), False)
