"""Rows are filled up where they lie, and answers cut without a copy where that is possible."""

import numpy as np
import pytest

from headrace.arrays import from_array, to_array
from headrace.batching.padding import MOST_PARTS, cut, fill_up, with_size


def test_a_size_is_changed_at_its_axis() -> None:
    assert with_size((1, 2, 3), 1, 9) == (1, 9, 3)


def test_a_row_is_not_copied_to_be_filled_up() -> None:
    short, long = from_array("x", np.ones((1, 2), np.int64)), from_array("x", np.ones((1, 3), np.int64))
    parts = fill_up([short, long], 1, 3, 0)
    assert len(parts) == 3
    assert np.shares_memory(np.frombuffer(parts[0], np.int64), to_array(short))
    assert parts[2] is long.data


def test_every_row_is_filled_up_by_itself() -> None:
    rows = from_array("x", np.array([[1, 2], [3, 4]], np.int8))
    assert b"".join(fill_up([rows], 1, 3, 9)) == bytes([1, 2, 9, 3, 4, 9])


@pytest.mark.parametrize("pieces", [MOST_PARTS, MOST_PARTS + 1])
def test_many_pieces_are_written_into_one_and_are_the_same(pieces: int) -> None:
    array = np.arange(pieces * 2, dtype=np.float32).reshape(1, pieces, 2)
    parts = fill_up([from_array("x", array)], 2, 4, 0.5)
    assert (len(parts) == 1) == (pieces > MOST_PARTS)
    padded = np.frombuffer(b"".join(parts), np.float32).reshape(1, pieces, 4)
    np.testing.assert_array_equal(padded[:, :, :2], array)
    assert (padded[:, :, 2:] == 0.5).all()


def test_one_row_is_cut_to_a_view() -> None:
    whole = from_array("y", np.arange(6, dtype=np.float32).reshape(1, 3, 2))
    left = cut(whole, (1,), 2)
    assert to_array(left).tolist() == [[[0, 1], [2, 3]]]
    assert np.shares_memory(to_array(left), to_array(whole))


def test_several_rows_are_cut_one_by_one() -> None:
    whole = from_array("y", np.arange(6).reshape(2, 3))
    assert to_array(cut(whole, (1,), 2)).tolist() == [[0, 1], [3, 4]]


def test_what_has_the_length_already_is_left_as_it_is() -> None:
    whole = from_array("y", np.zeros((2, 3)))
    assert cut(whole, (1,), 3) is whole
