"""The C library's allocator, told what a server and its workers do with memory. It is glibc's, or nothing happens."""

import ctypes
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import monotonic
from typing import Any

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -2, -3, -8  # of malloc.h

KEPT_BYTES = 32 << 20  # free memory at the top of the heap that is kept
STEP_BYTES = 1 << 20  # by which the heap grows
LARGE_BYTES = 4 << 20  # an allocation that gets pages of its own, and gives them back at once

LARGEST_BYTES = 1 << 30  # the same while a model is loaded: hardly anything does
LATER_LARGE_BYTES, LATER_KEPT_BYTES = 32 << 20, 64 << 20  # and after it: what glibc by itself comes to, at most

PIECE_BYTES = 2 << 20  # a large page
REST = 1.0  # after each piece, by what it took: whoever else wants the core has it

TUNABLES, LARGE_PAGES = "GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"
"""What a process is started with whose heap is to be of large pages, where the system gives them to who asks."""


def keep_freed_memory() -> bool:
    """Ask for it; False where the C library does not know how. Changes the whole process.

    A server frees the bodies of a whole batch at once. By default glibc then returns the top of its heap to the
    system and asks for it again, a page fault for each 4 KiB, with the next requests. And each thread
    has a heap of its own, of which no other takes what is free: Python's run one at a time, and one heap will do.
    """
    thresholds = (M_TRIM_THRESHOLD, KEPT_BYTES), (M_TOP_PAD, STEP_BYTES), (M_MMAP_THRESHOLD, LARGE_BYTES)
    return _set(*thresholds, (M_ARENA_MAX, 1))


@contextmanager
def one_heap() -> Iterator[None]:
    """Have all that is allocated meanwhile lie in the heap, and what of it is free at the end be given back.

    Loading a model allocates and frees pieces of megabytes. By default each has pages of its own, which come into being
    one by one as they are written to, small ones: half of the time that a load takes.
    """
    _set((M_MMAP_THRESHOLD, LARGEST_BYTES))
    try:
        yield
    finally:
        if _set((M_MMAP_THRESHOLD, LATER_LARGE_BYTES), (M_TRIM_THRESHOLD, LATER_KEPT_BYTES)):
            _library().malloc_trim(0)


def touch_ahead(num_bytes: int, is_wanted: Callable[[float], bool], clock_s: Callable[[], float] = monotonic) -> None:
    """Have so much free memory at the heap's top there already, for what `one_heap` will hold, piece by piece until
    it `is_wanted` within so many seconds.

    A page comes into being when it is first written to, cleared by the system; where that is a guest whose host has
    taken the memory back, clearing what loading a model of 5 MB takes lasts three times as long as loading it.
    """
    if not num_bytes or not _set((M_MMAP_THRESHOLD, LARGEST_BYTES), (M_TRIM_THRESHOLD, LARGEST_BYTES)):
        return
    pieces: list[bytes] = []
    while len(pieces) < num_bytes // PIECE_BYTES:
        began_s = clock_s()
        pieces.append(b"x" * PIECE_BYTES)
        if is_wanted(REST * (clock_s() - began_s)):
            return


def tunables(environment: Mapping[str, str]) -> str:
    """The value of TUNABLES for a child: the user's own, and large pages unless it says something of them."""
    own = environment.get(TUNABLES, "")
    name = LARGE_PAGES.partition("=")[0]
    return own if name in own else ":".join(filter(None, (own, LARGE_PAGES)))


def _set(*settings: tuple[int, int]) -> bool:
    try:
        mallopt = _library().mallopt
    except (OSError, AttributeError):
        return False
    return all(mallopt(name, value) == 1 for name, value in settings)


def _library() -> Any:
    return ctypes.CDLL(None)
