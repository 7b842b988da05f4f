"""Codes are the nearest ones, whatever pieces they are made in."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from headrace.graphs import rounding
from headrace.graphs.rounding import group_codes, row_codes
from tests.graphs.tiny import Drawn, draw


def test_codes_of_rows_are_within_half_a_step_and_reach_the_ends() -> None:
    weight = draw("rows", (300, 64), 0.3)
    codes, scales = row_codes(weight)
    assert np.abs(codes * scales - weight.values).max() <= scales.max() * 0.5001
    assert (np.abs(codes).max(axis=1) == 127).all()


def test_codes_of_groups_are_within_a_step() -> None:
    weight = draw("groups", (300, 128), 0.3, 0.05)
    codes, scales = group_codes(weight, 32)
    assert codes.shape == (300, 4, 32) and (codes.min(), codes.max()) == (-8, 7)
    error = np.abs(codes.astype(np.float32) * scales - weight.values.reshape(codes.shape))
    assert (error <= np.abs(scales) * 1.0001).all()


def test_the_number_of_a_group_that_is_farthest_from_zero_stays_as_it_is() -> None:
    weight = Drawn(np.array([[0.5, -1.0, 4.0, 1.0, 0.5, 3.9, -4.0, 1.0]], np.float32))
    codes, scales = group_codes(weight, 4)
    assert (codes * scales).tolist() == [[[0.5, -1.0, 4.0, 1.0], [0.5, 3.5, -4.0, 1.0]]]


def test_a_row_of_zeros_stays_zero() -> None:
    weight = Drawn(np.zeros((2, 64), np.float32))
    assert not row_codes(weight)[0].any()
    assert not group_codes(weight, 32)[0].any()


@given(rows=st.integers(1, 50), piece=st.integers(1, 5000))
def test_pieces_change_no_code(rows: int, piece: int) -> None:
    weight = draw("pieces", (rows, 64), 1.0)
    whole: list[NDArray[Any]] = [*row_codes(weight), *group_codes(weight, 16)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rounding, "PIECE", piece)
        cut: list[NDArray[Any]] = [*row_codes(weight), *group_codes(weight, 16)]
    assert all(np.array_equal(a, b) for a, b in zip(whole, cut, strict=True))


def test_what_cannot_be_read_is_said() -> None:
    class Broken(Drawn, frozen=True):
        def cut(self, begin: int, end: int) -> Drawn:
            raise ValueError("no such rows")

    with pytest.raises(ValueError, match="no such rows"):
        row_codes(Broken(np.zeros((4000, 64), np.float32)))
