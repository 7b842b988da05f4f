"""Much of one kind, a piece at a time, on all cores: for numpy, which lets others run meanwhile."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


def each_piece(count: int, step: int, fill: Callable[[int, int], None]) -> None:
    """Call `fill(begin, end)` for pieces of `step` that make up [0, count); raises what it raises."""
    begins = range(0, count, step)
    ends = [min(begin + step, count) for begin in begins]
    threads = min(len(os.sched_getaffinity(0)), len(begins))
    if threads < 2:
        for begin, end in zip(begins, ends, strict=True):
            fill(begin, end)
        return
    with ThreadPoolExecutor(threads, "rounding") as pool:
        for _ in pool.map(fill, begins, ends):
            pass
