"""The C library's allocator, told to keep what is freed for the next batch instead of giving it back each time."""

import ctypes

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3  # of malloc.h

KEPT_BYTES = 32 << 20  # free memory at the top of the heap that is kept
STEP_BYTES = 1 << 20  # by which the heap grows
LARGE_BYTES = 4 << 20  # an allocation that gets pages of its own, and gives them back at once


def keep_freed_memory() -> bool:
    """Ask for it; False where the C library does not know how (it is glibc's). Changes the whole process.

    A server frees the bodies of a whole batch at once. By default glibc then returns the top of its heap to the
    system and asks for it again, a page fault for each 4 KiB, with the next requests.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    settings = ((M_TRIM_THRESHOLD, KEPT_BYTES), (M_TOP_PAD, STEP_BYTES), (M_MMAP_THRESHOLD, LARGE_BYTES))
    return all(mallopt(name, value) == 1 for name, value in settings)
