"""Matrices of float32 as two bfloat16 halves a number, laid out for tiles: the order of bytes in which
`source/float_product.h` multiplies them."""

import numpy as np
from numpy.typing import NDArray

from headrace.kernels.finite import check_finite
from headrace.kernels.panels import HALF, PANEL_ROWS, Floats, up_to

STRETCH = 32
"""Columns that are multiplied at a time."""


def halves(values: Floats) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """The bfloat16 nearest to each number, and the one nearest to what is left of it, by their bits."""
    upper = _nearest(values)
    return upper, _nearest(values - _as_float(upper))


def float_panels(values: Floats) -> NDArray[np.uint8]:
    """Numbers [out, in] -> bytes [panel][stretch][upper, lower][16 rows of 32][column / 2][row][column % 2], filled up
    with zeros. Raises ModelInvalid where numbers are none."""
    check_finite(np.array([values.min(), values.max()]))
    rows, width = values.shape
    whole = np.zeros((2, up_to(rows, PANEL_ROWS), up_to(width, STRETCH)), np.uint16)
    for part, half in zip(whole, halves(values), strict=True):
        part[:rows, :width] = half
    pairs = whole.view(np.uint32).reshape(2, -1, 2, HALF, whole.shape[2] // STRETCH, STRETCH // 2)
    return np.ascontiguousarray(pairs.transpose(1, 4, 0, 2, 5, 3)).reshape(-1).view(np.uint8)


def _nearest(values: Floats) -> NDArray[np.uint16]:
    """Ties to even. Numbers are finite."""
    bits = values.view(np.uint32)
    rounded = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
    return rounded.astype(np.uint16)


def _as_float(bits: NDArray[np.uint16]) -> Floats:
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)
