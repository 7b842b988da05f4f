"""The pages of a large cache, made one at a time before they are needed.

Memory that was never written is made when it first is, 2 MiB at a time where the system has huge pages. A key-value
cache has two arrays a layer, which all come to the end of such a page at about the same block: made then and there, 60
pages held one step up for 40 to 200 ms. Best is to have them made while nobody asks for anything: between steps they
still take a twentieth of the time of eight sequences, where each page is lent by another system.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

PAGE_BYTES = 1 << 21
MOST = 2  # pages in a step: each takes about a millisecond, where memory is lent by another system several


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
        self._due = 0.0  # pages that should have been made by now

    def touch(self, highest: int) -> int:
        """Blocks up to `highest` are in use or will be in this step; how many pages were made.

        As many as blocks came into use, so that all are there when those left of the page are used up, but no more than
        MOST at once: a page takes time of the step's own cores. An array may begin anywhere in a page of the system's:
        so the end of the page in use is wanted too, and after it that of the next.
        """
        grown, self._highest = max(0, highest - self._highest), max(self._highest, highest)
        if not grown and self._due < 1.0:
            return 0
        page = self._page_in_use
        if page > self._page + 1:  # use was faster: the steps made it themselves
            self._page, self._num_arrays = page - 1, 0
        left = self._num_left
        blocks_left = ((page + 1) * self._page_bytes - self._used_bytes) // self._row_bytes
        self._due += max(0.0, left - self._due) * grown / max(1, grown + blocks_left)
        count = min(MOST, int(self._due))
        self._due -= count
        return sum([self._make_next() for _ in range(count)])

    def rest(self) -> bool:
        """Nobody waits: make one of the pages that would be due before long; False where all of them are there.

        A cache that was never used is left alone.
        """
        if not self._highest or self._num_left < 1:
            return False
        self._due = max(0.0, self._due - 1.0)
        return self._make_next()

    @property
    def _used_bytes(self) -> int:
        """Of each array."""
        return (self._highest + 1) * self._row_bytes

    @property
    def _page_in_use(self) -> int:
        return (self._used_bytes - 1) // self._page_bytes

    @property
    def _num_left(self) -> int:
        """Pages to make until all arrays have the end of the one in use and of the next; below 0: more are there."""
        return (self._page_in_use - self._page + 1) * len(self._flat) - self._num_arrays

    def _make_next(self) -> bool:
        """The next page, of the next array; False where the arrays end before it."""
        begin = (self._page + 1) * self._page_bytes
        if begin >= self._flat[0].size:
            return False
        flat, at = self._flat[self._num_arrays], min(begin + self._page_bytes, self._flat[0].size) - 1
        if at >= self._used_bytes:  # else a step makes it, and may be writing this very byte
            flat[at] = flat[at]
        self._num_arrays += 1
        if self._num_arrays == len(self._flat):
            self._page, self._num_arrays = self._page + 1, 0
        return True
