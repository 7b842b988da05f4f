"""What processes take of the machine's memory, shared pages counted once: as Linux's /proc tells it."""

import os
from collections import defaultdict
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

import msgspec

from headrace.devices.process_stat import PAGE_BYTES, PARENT, PROC, RESIDENT_PAGES


class Taken(msgspec.Struct, frozen=True):
    """What one process, or several, take now, and took at most."""

    pss_bytes: int = 0  # its own pages, and its part of those it shares
    shared_bytes: int = 0  # of these: memory that lies in /dev/shm or behind a descriptor
    peak_bytes: int = 0  # the most since it started, by the pages that it had: what is shared is counted as now
    # Of these: no file's pages, so that it says how a process grew, whoever shares its libraries.
    anonymous_bytes: int = 0


class Family(NamedTuple):
    """A process and all that descend from it."""

    resident: dict[int, int]  # bytes that each has in memory, shared ones in full; of one that is gone 0
    strangers: frozenset[int]  # all other processes of the machine


def family(root: int, proc: Path = PROC, strangers: Collection[int] = frozenset()) -> Family:
    """`strangers` were none of it when it was looked at last: those that are there still are not asked again."""
    children, sizes = defaultdict[int, list[int]](list), dict[int, int]()
    pids = {int(name) for name in os.listdir(proc) if name.isdigit()}  # noqa: PTH208 as below
    for pid in pids.difference(strangers):
        if told := _told(f"{proc}/{pid}/stat"):
            parent, sizes[pid] = told
            children[parent].append(pid)
    found = [root]
    for pid in found:  # grows while it is gone through
        found += children[pid]
    return Family({pid: sizes.get(pid, 0) for pid in found}, frozenset(pids.difference(found)))


def taken(pid: int, proc: Path = PROC) -> Taken | None:
    """What process `pid` takes; None where it is gone, or not ours to read."""
    try:
        now = _numbers((proc / str(pid) / "smaps_rollup").read_text())
        peak = _numbers((proc / str(pid) / "status").read_text()).get("VmHWM", 0)
    except OSError:
        return None
    pss = now.get("Pss", 0)
    most = max(pss, peak - now.get("Rss", 0) + pss)
    return Taken(pss, now.get("Pss_Shmem", 0), most, now.get("Pss_Anon", 0))


def together(found: Iterable[Taken]) -> Taken:
    """The sum."""
    all_of_them = [msgspec.structs.astuple(each) for each in found]
    return Taken(*map(sum, zip(*all_of_them, strict=True)))


def taken_by(pids: Iterable[int], proc: Path = PROC) -> dict[int, Taken]:
    """What each of these takes, those that live."""
    found = ((pid, taken(pid, proc)) for pid in pids)
    return {pid: each for pid, each in found if each}


def _told(path: str) -> tuple[int, int] | None:
    """Its parent, and the bytes that it has in memory. Every process of the machine is asked: no paths are made."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            fields = file.read().rpartition(b")")[2].split(None, RESIDENT_PAGES + 1)
        return int(fields[PARENT]), int(fields[RESIDENT_PAGES]) * PAGE_BYTES
    except (OSError, IndexError, ValueError):
        return None


def _numbers(text: str) -> dict[str, int]:
    """Bytes by name, of lines as `Pss:  210 kB`."""
    lines = (line.split() for line in text.splitlines())
    return {words[0].rstrip(":"): int(words[1]) * 1024 for words in lines if len(words) == 3 and words[2] == "kB"}
