"""The library's choosing of tokens, as a function: all rows of a step at once, on the threads that computed them."""

import ctypes
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from struct import Struct

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.int32]

Rules = tuple[int, float, float, float, int, int, int, Mask | None]
"""(row, temperature, min_p, top_p, top_k, key, position, mask): a temperature of 0 asks for the greatest, a `top_k` of
0 for any number; `key` and `position` are of `llm.randomness`; bits of the contiguous mask [words] that are set, the
lowest first, are tokens that may come."""

Choose = Callable[[NDArray[np.float32], Sequence[Rules]], list[int]]
"""From logits [R, V], contiguous, a token id for each; UNDECIDED where that is to be found otherwise, as of every row
with what is no number, or none that is finite."""

UNDECIDED = -1

_DEEPEST = 256  # of a table whose columns are added up: about as many as there are columns
_PACKED = Struct("<qdddqQqQq")
_UNMASKED = 0, 0


def chooser(library: Path, threads: int) -> Choose:
    """What chooses as `llm.drawing.draw` does; equal but where sums that are rounded otherwise make a difference."""
    function = ctypes.CDLL(str(library)).headrace_choose
    function.restype = None
    pointer, whole = ctypes.c_void_p, ctypes.c_int64
    function.argtypes = [pointer, whole, whole, ctypes.c_char_p, whole, pointer, ctypes.c_int]

    def choose(logits: NDArray[np.float32], rules: Sequence[Rules]) -> list[int]:
        count, vocabulary = logits.shape
        assert logits.flags.c_contiguous and all(0 <= each[0] < count for each in rules)
        ids = np.empty(len(rules), np.int64)
        packed = b"".join([_PACKED.pack(*plain, *_of_mask(mask)) for *plain, mask in rules])
        function(logits.ctypes.data, vocabulary, _depth(vocabulary), packed, len(rules), ids.ctypes.data, threads)
        found: list[int] = ids.tolist()
        return found

    return choose


def _of_mask(mask: Mask | None) -> tuple[int, int]:
    """Where it lies, and how many bits it has."""
    if mask is None:
        return _UNMASKED
    assert mask.flags.c_contiguous
    return mask.ctypes.data, 32 * mask.size


@cache
def _depth(vocabulary: int) -> int:
    return max(depth for depth in range(1, _DEEPEST + 1) if vocabulary % depth == 0)
