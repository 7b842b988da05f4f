"""Matrices of float32 as two bfloat16 halves a number, laid out for tiles: the order of bytes in which
`source/float_product.h` multiplies them."""

import numpy as np
from numpy.typing import NDArray

from headrace.kernels.codes4 import PIECE, Read
from headrace.kernels.finite import check_finite
from headrace.kernels.panels import HALF, PANEL_ROWS, Floats
from headrace.kernels.pieces import each_piece

STRETCH = 32
"""Columns that are multiplied at a time."""


def halves(values: Floats) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """The bfloat16 nearest to each number, and the one nearest to what is left of it, by their bits."""
    upper = nearest(values)
    return upper, nearest(values - _as_float(upper))


def float_panels(read: Read, rows: int, width: int) -> NDArray[np.uint8]:
    """Numbers [rows, width] -> bytes [panel][stretch][upper, lower][16 rows of 32][column / 2][row][column % 2], filled
    up with zeros. They are read a few panels at a time. Raises ModelInvalid where numbers are none."""
    panels, stretches = -(-rows // PANEL_ROWS), -(-width // STRETCH)
    out = np.empty((panels, stretches, 2, 2, STRETCH // 2, HALF), np.uint32)

    def fill(begin: int, end: int) -> None:
        values = read(begin * PANEL_ROWS, min(end * PANEL_ROWS, rows))
        check_finite(np.array([values.min(), values.max()]))
        whole = np.zeros((2, (end - begin) * PANEL_ROWS, stretches * STRETCH), np.uint16)
        whole[:, : len(values), :width] = halves(values)
        pairs = whole.view(np.uint32).reshape(2, end - begin, 2, HALF, stretches, STRETCH // 2)
        out[begin:end] = pairs.transpose(1, 4, 0, 2, 5, 3)

    each_piece(panels, max(1, PIECE // (PANEL_ROWS * width)), fill)
    return out.reshape(-1).view(np.uint8)


def nearest(values: Floats) -> NDArray[np.uint16]:
    """Bits of the bfloat16 nearest to each number, ties to even. Numbers are finite."""
    bits = values.view(np.uint32)
    rounded = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
    return rounded.astype(np.uint16)


def _as_float(bits: NDArray[np.uint16]) -> Floats:
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)
