"""The library's choosing of tokens, as a function: all rows of a step at once, on the threads that computed them."""

import ctypes
from collections.abc import Sequence
from pathlib import Path
from struct import Struct

import numpy as np
from numpy.typing import NDArray

from headrace.runtimes.language import Choose, Rules

_PACKED = Struct("<qdddqQqQq")
_UNMASKED = 0, 0


def chooser(library: Path, threads: int) -> Choose:
    """What chooses as `llm.drawing.draw` does; equal but where sums that are rounded otherwise make a difference."""
    function = ctypes.CDLL(str(library)).headrace_choose
    function.restype = None
    pointer, whole = ctypes.c_void_p, ctypes.c_int64
    function.argtypes = [pointer, whole, whole, ctypes.c_char_p, whole, pointer, ctypes.c_int]

    def choose(logits: NDArray[np.float32], depth: int, rules: Sequence[Rules]) -> list[int]:
        count, vocabulary = logits.shape
        assert logits.flags.c_contiguous and vocabulary % depth == 0
        assert all(0 <= each.row < count for each in rules)
        ids = np.empty(len(rules), np.int64)
        packed = b"".join([_PACKED.pack(*each[:-1], *_of_mask(each.mask)) for each in rules])
        function(logits.ctypes.data, vocabulary, depth, packed, len(rules), ids.ctypes.data, threads)
        found: list[int] = ids.tolist()
        return found

    return choose


def _of_mask(mask: NDArray[np.int32] | None) -> tuple[int, int]:
    """Where it lies, and how many bits it has."""
    if mask is None:
        return _UNMASKED
    assert mask.flags.c_contiguous
    return mask.ctypes.data, 32 * mask.size
