"""Memory that is read again and again, moved to pages of 2 MiB after it was filled.

A step of a language model reads all weights. Where they lie in pages of 4 KiB, as the C library leaves them, it also
reads a table entry for each, which in a virtual machine means two tables. A decoder of 135 MB is 1.2 times as fast at
one sequence once they have moved, 1.1 at eight. Content and addresses stay as they are.
"""

import ctypes
import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

HUGE_BYTES, PAGE_BYTES = 2 << 20, 4096
DENSE = 0.75  # share of a huge page that must be there already: the rest is memory more
SHARE = 0.1  # of the time may go to moving, so that steps meanwhile take little longer

MADV_COLLAPSE = 25  # of Linux 6.1: move this huge page's worth now
PRESENT = 0x80  # the highest bit of a page's eight bytes in `pagemap`

SYSTEM = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def move_own_memory() -> int:
    """Move what this process holds, a piece at a time, resting in between; how many huge pages it has got.

    Does nothing where the system has no such pages, or its owner wants none. Returns when all was looked at once.
    """
    try:
        enabled, maps = SYSTEM.read_text(), Path("/proc/self/maps").read_text()
        return move(huge_pages(maps), time.sleep, time.monotonic) if are_wanted(enabled) else 0
    except (OSError, AttributeError):
        return 0


def move(addresses: Iterable[int], sleep: Callable[[float], None], clock: Callable[[], float]) -> int:
    """Move those huge pages of this process of which most is there; how many were. Raises OSError or AttributeError
    where the system knows no way."""
    collapse, pages = _collapsing(), os.open("/proc/self/pagemap", os.O_RDONLY)
    moved = 0
    try:
        for address in addresses:
            if is_dense(os.pread(pages, HUGE_BYTES // PAGE_BYTES * 8, address // PAGE_BYTES * 8)):
                begun_s = clock()
                moved += collapse(address)
                sleep((clock() - begun_s) * (1 / SHARE - 1))
    finally:
        os.close(pages)
    return moved


def are_wanted(enabled: str) -> bool:
    """Whether the system's owner leaves huge pages to who asks for them, by the text of `SYSTEM`."""
    return "[never]" not in enabled


def huge_pages(maps: str) -> Iterator[int]:
    """Where the huge pages begin that lie whole in private memory without a file, by what `/proc/PID/maps` says."""
    for line in maps.splitlines():
        fields = line.split(maxsplit=5)
        name = fields[5] if len(fields) > 5 else ""
        if fields[1] != "rw-p" or name not in ("", "[heap]"):
            continue
        begin, end = (int(each, 16) for each in fields[0].split("-"))
        yield from range(-(-begin // HUGE_BYTES) * HUGE_BYTES, end - HUGE_BYTES + 1, HUGE_BYTES)


def is_dense(entries: bytes) -> bool:
    """Whether most pages are there, by their entries in `pagemap`."""
    present = sum(1 for flags in entries[7::8] if flags & PRESENT)
    return present >= DENSE * HUGE_BYTES / PAGE_BYTES


def _collapsing() -> Callable[[int], bool]:
    """What moves the huge page at an address, and says whether it could. Lets other threads run meanwhile."""
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    return lambda address: madvise(address, HUGE_BYTES, MADV_COLLAPSE) == 0
