"""Rows alone and in company are held against each other row by row."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from headrace.runtimes.compare import Company, compare
from headrace.types import FREE, TensorSpec

FLOATS = TensorSpec("y", "FP32", (FREE, 2))
CLASSES = TensorSpec("c", "INT64", (FREE,))


def held(alone: ArrayLike, together: ArrayLike, tolerance: float = 1e-3) -> Company:
    """One float output: rows alone, and the same rows together."""
    rows = np.array(alone, np.float32)
    return compare([{"y": row[np.newaxis]} for row in rows], {"y": np.array(together, np.float32)}, [FLOATS], tolerance)


def test_equal_rows_are_within_any_tolerance() -> None:
    found = held([[1, 2], [3, 4]], [[1, 2], [3, 4]], 0)
    assert found == Company()


def test_the_largest_difference_is_told() -> None:
    found = held([[1, 2], [3, 4]], [[1, 2.0005], [3, 4.0001]])
    assert found.within
    assert found.difference == pytest.approx(5e-4, rel=1e-3)


def test_large_values_are_held_to_a_relative_tolerance() -> None:
    assert held([[1000, 2000]], [[1000.5, 2001]]).within
    assert not held([[1000, 2000]], [[1000, 2005]]).within


def test_values_that_are_all_small_are_held_to_a_share_of_the_largest() -> None:
    assert not held([[4e-5, 2e-5]], [[4e-5, 6e-5]]).within
    assert held([[1e-2, 2e-2]], [[1e-2, 2.001e-2]]).within


def test_a_small_value_beside_a_large_one_is_held_to_that() -> None:
    assert held([[1e-5, 1e-5], [0.5, 0.5]], [[2e-4, 1e-5], [0.5, 0.5]]).within


def test_what_moves_by_last_bits_is_within_however_small_it_is() -> None:
    assert held([[0, 0]], [[3e-7, 1e-40]]).within
    assert held([[3e-7, 2e-7]], [[1e-7, 4e-7]]).within
    assert not held([[0, 0]], [[1e-4, 0]]).within


def test_small_values_are_equal_within_no_tolerance_only_where_they_are_the_same() -> None:
    assert held([[1e-5, 0]], [[1e-5, 0]], 0).within
    assert not held([[1e-5, 0]], [[1.0001e-5, 0]], 0).within


def test_a_small_number_in_a_place_of_large_ones_may_move_by_a_share_of_those() -> None:
    assert held([[1.0, 1000.0], [1.0, 0.0]], [[1.0, 1000.0], [1.0, 0.5]]).within


def test_large_numbers_do_not_hide_small_ones_that_stand_beside_them() -> None:
    assert not held([[1e4, 0.2], [2e4, 0.9]], [[1e4, 0.4], [2e4, 0.7]]).within
    assert not held([[1e9, 0.2]], [[1e9, 0.4]]).within


def test_small_numbers_that_turn_far_beside_large_ones_are_not_in_noise() -> None:
    assert not held([[640, 0.9, 0.1]], [[630, 0.1, 0.9]]).in_noise
    assert held([[640, 0.9, 0.1]], [[630, 0.88, 0.12]]).in_noise


def test_a_row_that_turns_a_little_is_in_noise() -> None:
    found = held([[1, 1]], [[1.1, 0.95]])
    assert not found.within
    assert found.in_noise
    assert found.moved() == "output 'y' moves by up to 0.1 in company (cosine 0.9973)"


def test_a_row_that_turns_far_is_not() -> None:
    assert not held([[1, 0]], [[0.7, 0.7]]).in_noise


def test_a_row_that_vanishes_is_not_in_noise() -> None:
    assert not held([[1, 0]], [[0, 0]]).in_noise


def test_one_bad_row_among_good_ones_is_seen() -> None:
    assert not held([[1, 0], [1, 0]], [[1, 0], [0, 1]]).in_noise


def test_nan_in_the_same_places_is_equal() -> None:
    assert held([[np.nan, 1]], [[np.nan, 1]]).within


def test_nan_in_company_only_is_a_reason() -> None:
    assert "is finite for a row alone and not in company" in held([[1, 1]], [[np.nan, 1]]).why


def test_outputs_of_no_size_are_equal() -> None:
    assert held(np.zeros((2, 0)), np.zeros((2, 0))).within


def test_whole_numbers_are_equal_or_not() -> None:
    alone = [{"c": np.array([1])}, {"c": np.array([2])}]
    assert compare(alone, {"c": np.array([1, 2])}, [CLASSES], 1).within
    found = compare(alone, {"c": np.array([1, 3])}, [CLASSES], 1)
    assert not found.within
    assert found.agreement == 0.5
    assert not found.in_noise  # no float moved that could have moved them


def test_classes_may_change_where_the_numbers_behind_them_moved_by_noise() -> None:
    alone = [{"y": np.array([[1.0, 1.01]], np.float32), "c": np.array([1])} for _ in range(2)]
    together = {"y": np.array([[1.02, 1.0], [1.0, 1.01]], np.float32), "c": np.array([0, 1])}
    assert compare(alone, together, [FLOATS, CLASSES], 1e-3).in_noise


def test_bf16_is_compared_by_value() -> None:
    spec = TensorSpec("y", "BF16", (FREE,))
    bits = np.array([0x3F80], np.uint16)  # 1.0; the next number is 1.0078125
    assert compare([{"y": bits}], {"y": bits + np.uint16(1)}, [spec], 0.01).within


@pytest.mark.parametrize(
    ("alone", "together", "says"),
    [
        ([np.zeros(())], np.zeros(()), "is a scalar"),
        ([np.zeros((2, 1))], np.zeros((2, 1)), "has 2 rows where the inputs have one"),
        ([np.zeros((1, 1))] * 2, np.zeros((1, 1)), "has 1 rows where the inputs have 2"),
        ([np.zeros((1, 1))] * 2, np.zeros((2, 3)), "the shape of a row of output 'y' depends on the other rows"),
    ],
)
def test_shapes_that_are_no_rows_are_a_reason(alone: list[NDArray[Any]], together: NDArray[Any], says: str) -> None:
    assert says in compare([{"y": row} for row in alone], {"y": together}, [FLOATS], 1).why


def test_one_row_may_turn_a_little_more_where_the_others_do_not() -> None:
    assert held([[1.0, 0.0]] * 3, [[1.0, 0.0], [1.0, 0.01], [1.0, 0.25]]).in_noise
    assert not held([[1.0, 0.0]], [[1.0, 0.25]]).in_noise
