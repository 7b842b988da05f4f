"""The library's weighing of logits, as a function: in one pass over a row what takes numpy five."""

import ctypes
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]


def weigher(library: Path) -> Callable[[Floats, float, Floats], Doubles]:
    """What fills a table [depth, columns] with e^(logit / temperature) of a row of as many logits, and gives where each
    column ends on one line of all weights: [columns]. Both are contiguous, and may be the same memory."""
    function = ctypes.CDLL(str(library)).headrace_weigh
    function.restype = None
    pointer, whole = ctypes.c_void_p, ctypes.c_int64
    function.argtypes = [pointer, whole, whole, ctypes.c_float, pointer, pointer]

    def weigh(row: Floats, temperature: float, table: Floats) -> Doubles:
        ends = np.empty(table.shape[1], np.float64)
        assert row.size == table.size and row.flags.c_contiguous and table.flags.c_contiguous
        function(row.ctypes.data, *table.shape, 1.0 / temperature, table.ctypes.data, ends.ctypes.data)
        return ends

    return weigh
