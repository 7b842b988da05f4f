"""Tensors become rows of numbers."""

from typing import Any

import numpy as np
import pytest

from headrace.arrays import from_array
from headrace.drift.extract import LOOKED_AT, VALUES, Extract
from headrace.drift.features import plan
from headrace.types import TensorSpec
from tests.drift.driven import signature


def extract(name: str, datatype: str, shape: tuple[int, ...], at: int = 0, output: bool = False) -> Extract:
    spec = TensorSpec(name, datatype, shape)
    made = plan(signature((), [spec]) if output else signature([spec], ()), 128)
    return Extract((made.outputs if output else made.inputs)[at])


def rows(of: Extract, *arrays: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return of.rows([from_array(of.part.tensor, array, of.part.datatype) for array in arrays], [len(a) for a in arrays])


def test_positions_are_the_numbers_themselves() -> None:
    values = np.arange(8, dtype=np.float32).reshape(4, 2)
    found = rows(extract("X", "FP32", (-1, 2)), values[:1], values[1:4])
    assert found.tolist() == values.tolist()


def test_integers_halves_and_bfloats_are_numbers_too() -> None:
    assert rows(extract("X", "INT8", (-1, 2)), np.array([[1, -2]], np.int8)).tolist() == [[1, -2]]
    assert rows(extract("X", "FP16", (-1, 1)), np.array([[0.5]], np.float16)).tolist() == [[0.5]]
    bits = (np.array([[1.5]], np.float32).view(np.uint32) >> 16).astype(np.uint16)
    assert rows(extract("X", "BF16", (-1, 1)), bits).tolist() == [[1.5]]


def test_a_tensor_that_lacks_or_does_not_fit_is_missing() -> None:
    of = extract("X", "FP32", (-1, 2))
    fits = from_array("X", np.ones((1, 2), np.float32))
    wide = from_array("X", np.ones((1, 3), np.float32))
    found = of.rows([fits, None, wide], [1, 1, 1])
    assert np.isnan(found).tolist() == [[False, False], [True, True], [True, True]]


def test_a_large_row_is_summed_up() -> None:
    values = np.zeros((2, 100), np.float32)
    values[1, :50] = 2
    found = rows(extract("X", "FP32", (-1, -1)), values)
    assert found[:, :7].tolist() == [[0, 0, 0, 0, 1, 0, 100], [1, 1, 0, 2, 0.5, 0, 100]]
    assert found.shape == (2, 23)


def test_rows_of_several_lengths_come_in_their_order() -> None:
    arrays = [np.full((1, length), length, np.float32) for length in (3, 5, 3, 4)]
    found = rows(extract("X", "FP32", (-1, -1)), *arrays)
    assert found[:, 0].tolist() == found[:, 6].tolist() == [3, 5, 3, 4]


def test_what_is_missing_in_a_large_row_spoils_none_of_its_sums() -> None:
    values = np.ones((2, 100), np.float32)
    values[0, :25] = np.nan
    values[1] = np.inf
    found = rows(extract("X", "FP32", (-1, -1)), values)
    assert found[:, 5].tolist() == [0.25, 1.0]
    assert found[0, 0] == pytest.approx(1)
    assert np.isfinite(found).all()


def test_of_a_huge_row_evenly_spaced_elements_are_looked_at() -> None:
    found = rows(extract("X", "FP32", (-1, -1)), np.arange(LOOKED_AT * 10, dtype=np.float32)[None])
    assert found[0, 0] == pytest.approx(LOOKED_AT * 5, rel=0.01)
    assert found[0, 6] == LOOKED_AT * 10


def test_an_empty_row_has_nothing() -> None:
    assert np.isnan(rows(extract("X", "FP32", (-1, -1)), np.zeros((1, 0), np.float32))).all()


def test_classes_are_told_of_logits_and_of_probabilities() -> None:
    of = extract("logits", "FP32", (-1, 2), output=True)
    logits = np.log(np.array([[0.25, 0.75]], np.float32))
    for scores in (logits + 3, np.exp(logits)):
        found = rows(of, scores.astype(np.float32))
        assert found[0].tolist() == pytest.approx([1, 0.75, 0.5623], abs=1e-4)


def test_tokens_that_the_first_quarter_lacked_are_unknown() -> None:
    of = extract("input_ids", "INT64", (-1, -1))
    assert np.isnan(rows(of, np.array([[1, 2, 3, 4]]))[0, 1])
    of.advance(0.3)
    found = rows(of, np.array([[1, 2, 9, 8]]))
    assert found[0, :2].tolist() == [4, 0.5]


def test_negative_and_huge_tokens_do_no_harm() -> None:
    assert np.isfinite(rows(extract("input_ids", "INT64", (-1, -1)), np.array([[-1, 2**62]]))[0, 2:]).all()


def test_texts_have_lengths_and_few_of_them_values() -> None:
    of = extract("T", "BYTES", (-1, 1))
    found = rows(of, np.array([[b"cat"], [b"horse"], [b"cat"]], object))
    assert found[:, :2].tolist() == [[3, 0], [5, 1], [3, 0]]
    of.advance(1.0)
    assert rows(of, np.array([[b"new"]], object))[0, 1] == VALUES


def test_many_different_texts_are_not_told_apart_and_not_kept() -> None:
    of = extract("T", "BYTES", (-1, 1))
    found = rows(of, np.array([[b"%d" % i] for i in range(VALUES + 50)], object))
    assert np.isnan(found[-1, 1])
    assert len(of.values) == VALUES


def test_texts_of_other_letters_lie_elsewhere() -> None:
    of = extract("T", "BYTES", (-1, 1))
    found = rows(of, np.array([[b"hello there"], [b"hello there"], ["привет".encode()]], object))
    assert found[0, 2:].tolist() == found[1, 2:].tolist() != found[2, 2:].tolist()
