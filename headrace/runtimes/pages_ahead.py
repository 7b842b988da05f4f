"""The pages of a large cache, made one at a time before they are needed.

Memory that was never written is made when it first is, 2 MiB at a time where the system has huge pages. A key-value
cache has two arrays a layer, which all come to the end of such a page at about the same block: made then and there, 60
pages held one step up for 40 to 200 ms.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

PAGE_BYTES = 1 << 21
MOST = 2  # pages in a step: each takes about a millisecond


class PagesAhead:
    """Touches the page after the last block in use, of one array after another. Changes no content."""

    def __init__(self, arrays: Sequence[NDArray[np.uint8]], page_bytes: int = PAGE_BYTES) -> None:
        """`arrays` are of one shape [blocks, bytes], C-contiguous; they are taken to be used from block 0 on."""
        self._flat = [each.reshape(-1) for each in arrays]
        self._page_bytes = page_bytes
        self._row_bytes: int = arrays[0].shape[1]
        self._highest = 0
        self._page = -1  # whose end every array has
        self._num_arrays = 0  # that have the end of the page after it

    def touch(self, highest: int) -> int:
        """Blocks up to `highest` are in use or will be in this step; how many pages were made.

        So many that all are there when the blocks that are left of the page are used up as fast as in this step, but no
        more than MOST. An array may begin anywhere in a page of the system's: so the end of the page in use is wanted
        too, and after it that of the next.
        """
        grown, self._highest = max(1, highest - self._highest), max(self._highest, highest)
        used_bytes = (self._highest + 1) * self._row_bytes
        page = (used_bytes - 1) // self._page_bytes
        if page > self._page + 1:  # use was faster: the steps made it themselves
            self._page, self._num_arrays = page - 1, 0
        begin = (self._page + 1) * self._page_bytes
        if self._page > page or begin >= self._flat[0].size:
            return 0
        left = len(self._flat) - self._num_arrays
        blocks_left = ((page + 1) * self._page_bytes - used_bytes) // self._row_bytes
        count = min(left, MOST, -(-left * grown // max(1, blocks_left)))
        at = min(begin + self._page_bytes, self._flat[0].size) - 1
        for flat in self._flat[self._num_arrays : self._num_arrays + count]:
            flat[at] = flat[at]
        self._num_arrays += count
        if self._num_arrays == len(self._flat):
            self._page, self._num_arrays = self._page + 1, 0
        return count
