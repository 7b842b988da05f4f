"""Codes lie in the order in which tiles are multiplied."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headrace.kernels.panels import HALF, PANEL_ROWS, STRETCH, panels, scales_of_panels, side_by_side, up_to

sizes = st.integers(1, 150)


@given(sizes, sizes)
def test_each_code_has_its_place_and_the_rest_is_zero(rows: int, width: int) -> None:
    codes = np.random.default_rng(rows * width).integers(-127, 128, (rows, width)).astype(np.int8)
    stretches = up_to(width, STRETCH) // STRETCH
    found = panels(codes).view(np.int8).reshape(-1, stretches, 2, STRETCH // 4, HALF, 4)
    row, column = np.indices(codes.shape)
    places = (row // PANEL_ROWS, column // STRETCH, row % PANEL_ROWS // HALF, column % STRETCH // 4, row % HALF)
    assert np.array_equal(found[(*places, column % 4)], codes)
    assert np.abs(found.astype(int)).sum() == np.abs(codes.astype(int)).sum()


@given(sizes)
def test_two_side_by_side_take_turns_of_half_a_panel(rows: int) -> None:
    gate, other = np.arange(1, rows + 1, dtype=np.float32)[:, None], -np.arange(1, rows + 1, dtype=np.float32)[:, None]
    found = side_by_side(gate, other).reshape(-1, 2, HALF)
    assert np.array_equal(found[:, 0].reshape(-1)[:rows], gate[:, 0])
    assert np.array_equal(found[:, 1].reshape(-1)[:rows], other[:, 0])
    assert np.abs(found).sum() == 2 * gate.sum()


def test_scales_are_filled_up_to_whole_panels() -> None:
    assert scales_of_panels(np.ones((33, 1), np.float32)).tolist() == [1.0] * 33 + [0.0] * 31
