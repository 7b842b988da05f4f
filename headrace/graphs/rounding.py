"""Numbers become codes with scales: a few rows at a time, so that what is in between stays in the cache, on all cores.

Rows are independent, so neither the number of threads nor the size of a piece changes a code.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from headrace.weights.checkpoint import Weight

LEAST_SCALE = 1e-8
"""Keeps a row of zeros from a division by zero."""

PIECE = 1 << 17
"""Numbers that are rounded at a time."""

Floats = NDArray[np.float32]


def row_codes(weight: Weight) -> tuple[NDArray[np.int8], Floats]:
    """Codes -127 to 127 [out, in] and a scale a row [out, 1]."""
    codes, scales = np.empty(weight.shape, np.int8), np.empty((weight.shape[0], 1), np.float32)

    def fill(begin: int, end: int) -> None:
        values = weight.cut(begin, end).dense()
        highest = np.maximum(values.max(axis=1, keepdims=True), -values.min(axis=1, keepdims=True))
        scales[begin:end] = np.maximum(highest, LEAST_SCALE) / np.float32(127)
        scaled = values / scales[begin:end]
        codes[begin:end] = np.rint(scaled, out=scaled)

    _each_piece(weight, fill)
    return codes, scales


def group_codes(weight: Weight, group: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8], Floats]:
    """Codes 0 to 15 [out, groups, group], with a whole zero point and a scale for each group [out, groups, 1]."""
    rows, width = weight.shape
    codes = np.empty((rows, width // group, group), np.uint8)
    zeros, scales = np.empty((rows, width // group, 1), np.uint8), np.empty((rows, width // group, 1), np.float32)

    def fill(begin: int, end: int) -> None:
        grouped = weight.cut(begin, end).dense().reshape(end - begin, -1, group)
        low = np.minimum(grouped.min(axis=2, keepdims=True), 0)
        high = np.maximum(grouped.max(axis=2, keepdims=True), 0)
        scales[begin:end] = np.maximum(high - low, LEAST_SCALE) / np.float32(15)
        zero = np.rint(-low / scales[begin:end])
        zeros[begin:end] = zero
        scaled = grouped / scales[begin:end]
        np.rint(scaled, out=scaled)
        scaled += zero
        codes[begin:end] = np.clip(scaled, 0, 15, out=scaled)

    _each_piece(weight, fill)
    return codes, zeros, scales


def _each_piece(weight: Weight, fill: Callable[[int, int], None]) -> None:
    """Call `fill(begin, end)` for pieces of the rows; raises what it raises."""
    rows, width = weight.shape
    step = max(1, PIECE // max(1, width))
    begins = range(0, rows, step)
    ends = [min(begin + step, rows) for begin in begins]
    threads = min(len(os.sched_getaffinity(0)), len(begins))
    if threads < 2:
        for begin, end in zip(begins, ends, strict=True):
            fill(begin, end)
        return
    with ThreadPoolExecutor(threads, "rounding") as pool:
        for _ in pool.map(fill, begins, ends):
            pass
