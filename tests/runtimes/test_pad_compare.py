"""Equal, moved by noise, or changed: what padding did to answers."""

import numpy as np
import pytest

from headrace.runtimes.pad_compare import Filled, hold, levelled
from headrace.types import FREE, TensorSpec

Y = [TensorSpec("y", "FP32", (FREE, FREE))]


def held(alone: list[float], together: list[float]) -> Filled:
    first, second = np.array([alone], np.float32), np.array([together], np.float32)
    return hold([{"y": first}], {"y": second}, Y, 1e-3)


def test_equal_rows_are_within() -> None:
    assert held([1, 2, 3], [1, 2, 3]).company.within


def test_small_numbers_are_held_to_a_share_of_themselves() -> None:
    assert not held([1e-5, 2e-5], [2e-5, 2e-5]).company.within
    assert held([1e-5, 2e-5], [1e-5, 2.001e-5]).company.within


def test_the_difference_is_told_as_it_is() -> None:
    assert held([1e-5, 2e-5], [2e-5, 2e-5]).company.difference == pytest.approx(1e-5, rel=1e-3)


def test_a_row_that_turns_a_little_may_be_noise() -> None:
    found = held([1.0, 2.0, 3.0], [1.1, 2.1, 2.9])
    assert not found.company.within
    assert found.in_noise


def test_a_row_that_keeps_its_direction_and_not_its_length_is_no_noise() -> None:
    assert not held([1.0, 2.0, 3.0], [0.5, 1.0, 1.5]).in_noise


def test_small_numbers_that_move_far_beside_large_ones_are_no_noise() -> None:
    found = held([640.0, 0.9], [640.0, 0.4])
    assert not found.company.within
    assert not found.in_noise


def test_one_output_that_moves_far_is_not_made_up_for_by_others() -> None:
    near, far = held([1.0, 2.0], [1.01, 2.0]), held([1.0, 2.0], [1.5, 2.0])
    assert near.in_noise
    moved = far._replace(shares={"z": far.shares["y"]})
    assert not near.and_of(moved).in_noise


def test_whole_numbers_are_equal_or_not() -> None:
    specs = [TensorSpec("y", "INT64", (FREE,))]
    assert hold([{"y": np.array([3])}], {"y": np.array([3])}, specs, 1e-3).company.within
    assert not hold([{"y": np.array([3])}], {"y": np.array([4])}, specs, 1e-3).company.within


def test_bfloat16_is_compared_as_numbers() -> None:
    specs = [TensorSpec("y", "BF16", (FREE, 1))]
    one, below = np.array([[0x3F80]], np.uint16), np.array([[0x3F7F]], np.uint16)
    found = hold([{"y": one}], {"y": below}, specs, 1e-2)
    assert found.company.within
    assert 0 < found.company.difference < 0.01


def test_what_lies_past_a_rows_length_does_not_count() -> None:
    padded = np.arange(9.0).reshape(1, 3, 3)
    assert levelled(padded, (1, 2), 2, 3).tolist() == [[[0, 1, 0], [3, 4, 0], [0, 0, 0]]]
    assert levelled(padded[:, :2, :2], (1, 2), 2, 3).tolist() == [[[0, 1, 0], [3, 4, 0], [0, 0, 0]]]


def test_words_past_a_rows_length_are_empty() -> None:
    words = np.array([[b"a", b"b"]], dtype=object)
    assert levelled(words, (1,), 1, 2).tolist() == [[b"a", b""]]
