"""Matrices of 8-bit codes, laid out for tiles: the order of bytes in which `source/product.h` multiplies them."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

PANEL_ROWS, HALF, STRETCH = 32, 16, 64
"""Rows of a panel, rows of a tile, and columns that are multiplied at a time."""

Codes = NDArray[np.int8]
Floats = NDArray[np.float32]
Kind = TypeVar("Kind", np.int8, np.float32)


def panels(codes: Codes) -> NDArray[np.uint8]:
    """Codes [out, in] -> bytes [panel][stretch][half][column / 4][row][column % 4], filled up with zeros."""
    rows, width = codes.shape
    whole = np.zeros((up_to(rows, PANEL_ROWS), up_to(width, STRETCH)), np.int8)
    whole[:rows, :width] = codes
    fours = whole.view(np.uint32).reshape(-1, 2, HALF, whole.shape[1] // STRETCH, STRETCH // 4)
    return np.ascontiguousarray(fours.transpose(0, 3, 1, 4, 2)).reshape(-1).view(np.uint8)


def side_by_side(gate: NDArray[Kind], other: NDArray[Kind]) -> NDArray[Kind]:
    """Two of one shape [out, ...] as one whose panels have 16 rows of the gate and, behind, the same of the other."""
    rows = up_to(len(gate), HALF)
    whole = np.zeros((rows // HALF, 2, HALF, *gate.shape[1:]), gate.dtype)
    for half, part in enumerate((gate, other)):
        filled = np.zeros((rows, *gate.shape[1:]), gate.dtype)
        filled[: len(part)] = part
        whole[:, half] = filled.reshape(-1, HALF, *gate.shape[1:])
    return whole.reshape(-1, *gate.shape[1:])


def scales_of_panels(scales: Floats) -> Floats:
    """Of scales [out, 1], flat and filled up to whole panels."""
    flat = scales.reshape(-1)
    return np.pad(flat, (0, up_to(flat.size, PANEL_ROWS) - flat.size))


def up_to(count: int, step: int) -> int:
    """The next multiple."""
    return -(-count // step) * step
