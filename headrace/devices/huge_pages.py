"""Memory that is read again and again, moved to pages of 2 MiB after it was filled.

A run of a model reads all weights. Where they lie in pages of 4 KiB, as the C library leaves them, it also reads a
table entry for each, which in a virtual machine means two tables. A decoder of 135 MB is 1.2 times as fast at one
sequence once they have moved, 1.1 at eight; an encoder's row of 64 tokens takes 2 % less, in 8 bits 5 %. Content and
addresses stay as they are.
"""

import ctypes
import os
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path

HUGE_BYTES, PAGE_BYTES = 2 << 20, 4096
DENSE = 0.9  # share of a huge page that must be there already: the rest is memory more
SHARE = 0.1  # of the time may go to moving, so that steps meanwhile take little longer
SOON_S = 0.1  # after which a process that was waited for has begun to answer
FEW = 8  # of so many, a processor remembers about all small pages: nothing is gained

MADV_COLLAPSE = 25  # of Linux 6.1: move this huge page's worth now
IS_PRESENT = bytes(128) + b"\1" * 128  # by the last of a page's eight bytes in `pagemap`: its highest bit

SYSTEM = Path("/sys/kernel/mm/transparent_hugepage/enabled")
SMALL_PAGES = Path("/proc/self/pagemap")


def mapped() -> frozenset[int]:
    """Where the huge pages begin that lie whole in what this process has for itself; none where the system has none."""
    try:
        enabled, maps = SYSTEM.read_text(), Path("/proc/self/maps").read_text()
    except OSError:
        return frozenset()
    return frozenset(huge_pages(maps)) if are_wanted(enabled) else frozenset()


def move_own_memory(before: Collection[int] = ()) -> int:
    """Move what this process holds, a piece at a time, resting in between; how many huge pages it has got.

    What was `mapped` before stays: a forked process shares that with others until it is written to. Does nothing
    where that leaves few, or the system knows no way. Returns when all was looked at once.
    """
    try:
        pages = dense(sorted(mapped().difference(before)))
        first = list(islice(pages, FEW + 1))
        return move(chain(first, pages), time.sleep, time.monotonic) if len(first) > FEW else 0
    except (OSError, AttributeError):
        return 0


def begin_to_move(before: Collection[int] = ()) -> None:
    """Have a thread of its own do that, which ends by itself, once what waited for this process has its answer."""
    thread = threading.Timer(SOON_S, move_own_memory, (before,))
    thread.name, thread.daemon = "huge pages", True
    thread.start()


def dense(addresses: Iterable[int]) -> Iterator[int]:
    """Those huge pages of this process of which most is there when it is asked for the next. Raises OSError where the
    system does not tell."""
    size = HUGE_BYTES // PAGE_BYTES * 8
    with SMALL_PAGES.open("rb", buffering=0) as entries:
        for address in addresses:
            if is_dense(os.pread(entries.fileno(), size, address // PAGE_BYTES * 8)):
                yield address


def move(addresses: Iterable[int], sleep: Callable[[float], None], clock: Callable[[], float]) -> int:
    """Move these huge pages of this process; how many were. Raises AttributeError where the system knows no way."""
    collapse, moved = _collapsing(), 0
    for address in addresses:
        begun_s = clock()
        moved += collapse(address)
        sleep((clock() - begun_s) * (1 / SHARE - 1))
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
    present = entries[7::8].translate(IS_PRESENT).count(1)
    return present >= DENSE * HUGE_BYTES / PAGE_BYTES


def _collapsing() -> Callable[[int], bool]:
    """What moves the huge page at an address, and says whether it could. Lets other threads run meanwhile."""
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    return lambda address: madvise(address, HUGE_BYTES, MADV_COLLAPSE) == 0
