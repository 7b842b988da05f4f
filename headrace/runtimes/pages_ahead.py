"""The pages of a large cache, made one at a time before they are needed.

Memory that was never written is made when it first is, 2 MiB at a time where the system has huge pages. A key-value
cache has two arrays a layer, which all come to the end of such a page at about the same block: made then and there, 60
pages held one step up for 40 to 200 ms.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

PAGE_BYTES = 1 << 21


class PagesAhead:
    """Touches the page after the last block in use, of one array after another. Changes no content."""

    def __init__(self, arrays: Sequence[NDArray[np.uint8]], page_bytes: int = PAGE_BYTES) -> None:
        """`arrays` are of one shape [blocks, bytes], C-contiguous; they are taken to be used from block 0 on."""
        self._flat = [each.reshape(-1) for each in arrays]
        self._page_bytes = page_bytes
        self._row_bytes: int = arrays[0].shape[1]
        self._highest = 0
        self._page = 0  # the last that all arrays have
        self._num_arrays = 0  # that have the page after it

    def touch(self, highest: int) -> int:
        """Blocks up to `highest` are in use or will be in this step; how many pages were made.

        So many that all are there when the blocks that are left of the page are used up as fast as in this step.
        """
        grown, self._highest = max(1, highest - self._highest), max(self._highest, highest)
        used_bytes = (self._highest + 1) * self._row_bytes
        page = (used_bytes - 1) // self._page_bytes
        if page > self._page:  # what of it is not there yet, the step makes itself
            self._page, self._num_arrays = page, 0
        left = len(self._flat) - self._num_arrays
        begin = (self._page + 1) * self._page_bytes
        if not left or begin >= self._flat[0].size:
            return 0
        blocks_left = (begin - used_bytes) // self._row_bytes
        count = min(left, -(-left * grown // max(1, blocks_left)))
        at = min(begin + self._page_bytes, self._flat[0].size) - 1  # whatever the arrays' own offsets in a page are
        for flat in self._flat[self._num_arrays : self._num_arrays + count]:
            flat[at] = flat[at]
        self._num_arrays += count
        return count
