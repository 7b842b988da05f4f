"""Answers are compared number by number; what cannot be measured counts as beyond."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from headrace.arrays import from_array
from headrace.traffic.difference import NONE, UNLIKE, Difference, difference
from headrace.types import Tensor


def one(values: Sequence[float], datatype: str = "FP32", name: str = "y") -> list[Tensor]:
    array: NDArray[np.generic] = np.array(values)
    return [from_array(name, array, datatype)]


@given(st.lists(st.floats(width=32), max_size=5))
def test_an_answer_differs_from_itself_by_nothing(values: list[float]) -> None:
    assert difference(one(values), one(values), 0.0) == NONE


def test_the_largest_difference_is_told() -> None:
    found = difference(one([1.0, 2.0, 4.0]), one([1.0, 2.5, 4.25]), 0.1)
    assert found == Difference(0.5, 0.25, beyond=True)


@pytest.mark.parametrize(("tolerance", "beyond"), [(0.2, False), (0.01, True)])
def test_the_tolerance_is_of_large_numbers_their_part(tolerance: float, beyond: bool) -> None:
    assert difference(one([1000.0]), one([1100.0]), tolerance).beyond is beyond
    assert difference(one([0.0]), one([0.1]), tolerance).beyond is beyond


@pytest.mark.parametrize(
    ("served", "other"),
    [
        (one([1.0]), one([1.0, 2.0])),
        (one([1.0]), one([1.0], "FP64")),
        (one([1.0]), one([1.0], name="z")),
        (one([1.0]), []),
        ([from_array("y", np.array([b"a"], object))], [from_array("y", np.array([b"b"], object))]),
    ],
)
def test_what_is_of_another_kind_is_beyond(served: list[Tensor], other: list[Tensor]) -> None:
    assert difference(served, other, 1e9) == UNLIKE


@pytest.mark.parametrize("values", [[math.nan], [math.inf], [-math.inf]])
def test_a_number_and_none_are_beyond(values: list[float]) -> None:
    assert difference(one([1.0]), one(values), 1e9).beyond
    assert difference(one(values), one([1.0]), 1e9).beyond


def test_every_datatype_is_compared() -> None:
    for datatype in ("BOOL", "UINT8", "INT64", "FP16", "FP64"):
        found = difference(one([0, 1], datatype), one([1, 1], datatype), 0.5)
        assert (found.absolute, found.beyond) == (1.0, True)
    bits = np.array([0x3F80], np.uint16)
    twice = np.array([0x4000], np.uint16)
    assert difference([from_array("y", bits, "BF16")], [from_array("y", twice, "BF16")], 0.5).absolute == 1.0
