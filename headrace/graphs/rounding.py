"""Numbers become codes with scales: a few rows at a time, so that what is in between stays in the cache, on all cores.

Rows are independent, so neither the number of threads nor the size of a piece changes a code.
"""

import numpy as np
from numpy.typing import NDArray

from headrace.kernels.finite import check_finite
from headrace.kernels.pieces import each_piece
from headrace.weights.checkpoint import Weight

LEAST_SCALE = 1e-8
"""Keeps a row of zeros from a division by zero."""

PIECE = 1 << 17
"""Numbers that are rounded at a time."""

Floats = NDArray[np.float32]


def row_codes(weight: Weight) -> tuple[NDArray[np.int8], Floats]:
    """Codes -127 to 127 [out, in] and a scale a row [out, 1]. Raises ModelInvalid where numbers are none."""
    rows, width = weight.shape
    codes, scales = np.empty(weight.shape, np.int8), np.empty((rows, 1), np.float32)

    def fill(begin: int, end: int) -> None:
        values = weight.cut(begin, end).dense()
        highest = np.maximum(values.max(axis=1, keepdims=True), -values.min(axis=1, keepdims=True))
        check_finite(highest)
        scales[begin:end] = np.maximum(highest, LEAST_SCALE) / np.float32(127)
        scaled = values / scales[begin:end]
        codes[begin:end] = np.rint(scaled, out=scaled)

    each_piece(rows, max(1, PIECE // max(1, width)), fill)
    return codes, scales


def group_codes(weight: Weight, group: int) -> tuple[NDArray[np.int8], Floats]:
    """Codes -8 to 7 [out, groups, group], and a scale for each group [out, groups, 1].

    The number that is farthest from zero is code -8: it stays as it is, and the largest numbers weigh most. Scales that
    leave less squared error shrink it, and cost likelihood.
    """
    rows, width = weight.shape
    codes = np.empty((rows, width // group, group), np.int8)
    scales = np.empty((rows, width // group, 1), np.float32)

    def fill(begin: int, end: int) -> None:
        grouped = weight.cut(begin, end).dense().reshape(end - begin, -1, group)
        low, high = grouped.min(axis=2, keepdims=True), grouped.max(axis=2, keepdims=True)
        farthest = np.where(high > -low, high, low)
        check_finite(low + high)
        farthest[np.abs(farthest) < LEAST_SCALE] = LEAST_SCALE
        scales[begin:end] = farthest / np.float32(-8)
        scaled = grouped / scales[begin:end]
        np.rint(scaled, out=scaled)
        codes[begin:end] = np.minimum(scaled, 7, out=scaled)

    each_piece(rows, max(1, PIECE // max(1, width)), fill)
    return codes, scales
