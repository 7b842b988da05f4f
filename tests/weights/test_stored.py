"""Tensors are cut, reordered and read from the bytes of a file."""

from pathlib import Path

import numpy as np
import pytest

from headrace.errors import ModelInvalid
from headrace.weights.ggml_types import KINDS
from headrace.weights.stored import StoredWeight, map_file, stored
from tests.weights.files import random_blocks

VALUES = np.arange(24, dtype=np.float32).reshape(6, 4)


def _plain() -> StoredWeight:
    return stored(KINDS["F32"], (6, 4), np.frombuffer(VALUES.tobytes(), np.uint8), "w")


def _quantised() -> StoredWeight:
    kind, shape, raw = random_blocks("Q4_K", (6, 512))
    return stored(KINDS[kind], shape, np.frombuffer(raw, np.uint8), "w")


def test_rows_are_cut() -> None:
    assert np.array_equal(_plain().cut(2, 5).dense(), VALUES[2:5])


def test_rows_are_reordered_and_then_cut() -> None:
    order = np.array([5, 4, 3, 2, 1, 0])
    assert np.array_equal(_plain().reordered(order).cut(1, 3).dense(), VALUES[[4, 3]])


def test_an_order_of_an_order_is_followed() -> None:
    order = np.array([1, 2, 3, 4, 5, 0])
    assert np.array_equal(_plain().reordered(order).reordered(order).dense(), VALUES[order][order])


def test_quantised_rows_are_reordered_as_they_are_packed() -> None:
    order = np.array([3, 1, 0, 2, 5, 4])
    assert np.array_equal(_quantised().reordered(order).dense(), _quantised().dense()[order])


def test_what_is_added_is_in_the_values() -> None:
    assert np.array_equal(_plain().plus(1.0).dense(), VALUES + 1)


def test_a_vector_is_cut_by_number() -> None:
    vector = stored(KINDS["F16"], (5,), np.arange(5, dtype=np.float16).view(np.uint8), "b")
    assert np.array_equal(vector.cut(1, 3).dense(), [1, 2])


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m").touch()
    with pytest.raises(ModelInvalid, match="m: is empty"):
        map_file(tmp_path / "m")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelInvalid, match="cannot be read: No such file"):
        map_file(tmp_path / "m")
