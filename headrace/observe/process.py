"""Memory, processor time and open files, of processes and of the machine, as Linux's /proc tells them."""

import os
from pathlib import Path

import msgspec

from headrace.devices.process_stat import BEGAN_TICKS, PROC, STATE, TICKS_PER_SECOND, cpu_s, stat_fields

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_OVER = ("Z", "X")
"""States of a process that has ended."""


class Use(msgspec.Struct, frozen=True):
    """What a process uses now. `started_s` is seconds after the machine's start."""

    resident_bytes: int
    virtual_bytes: int
    cpu_s: float
    started_s: float


class Files(msgspec.Struct, frozen=True):
    """File descriptors that a process has, and may have; `most` is None where there is no limit."""

    open: int
    most: int | None


class Memory(msgspec.Struct, frozen=True):
    """The machine's memory; what caches would give back counts as free."""

    total_bytes: int
    used_bytes: int


def read_use(pid: int | str, proc: Path = PROC) -> Use | None:
    """What process `pid` ("self": this one) uses now, or None where it is gone or not ours to read."""
    try:
        virtual, resident = (proc / str(pid) / "statm").read_text().split()[:2]
        fields = stat_fields(pid, proc)
    except OSError:
        return None
    return Use(
        resident_bytes=int(resident) * _PAGE_BYTES,
        virtual_bytes=int(virtual) * _PAGE_BYTES,
        cpu_s=cpu_s(fields),
        started_s=int(fields[BEGAN_TICKS]) / TICKS_PER_SECOND,
    )


def read_cpu(pid: int | str, proc: Path = PROC) -> float | None:
    """The processor time in seconds that process `pid` has used by now, or None where it is gone."""
    try:
        fields = stat_fields(pid, proc)
    except OSError:
        return None
    if fields[STATE] in _OVER:
        return None
    return cpu_s(fields)


def read_children(pid: int | str, proc: Path = PROC) -> list[int]:
    """The processes that process `pid` has made and that live; none where /proc does not tell."""
    found: list[int] = []
    try:
        for thread in (proc / str(pid) / "task").iterdir():
            found += map(int, (thread / "children").read_text().split())
    except OSError:
        return found
    return found


def read_files(pid: int | str, proc: Path = PROC) -> Files | None:
    """The file descriptors of process `pid`, or None as for `read_use`."""
    folder = proc / str(pid)
    try:
        return Files(len(list((folder / "fd").iterdir())), _most_files((folder / "limits").read_text()))
    except OSError:
        return None


def read_boot_time(proc: Path = PROC) -> int | None:
    """When the machine started, in Unix time, or None where /proc does not tell."""
    try:
        lines = (proc / "stat").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("btime ")), None)


def read_memory(proc: Path = PROC) -> Memory | None:
    """The machine's memory, or None where /proc does not tell."""
    try:
        lines = (proc / "meminfo").read_text().splitlines()
    except OSError:
        return None
    kilobytes = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
    total = kilobytes["MemTotal"]
    return Memory(total * 1024, (total - kilobytes["MemAvailable"]) * 1024)


class Processors:
    """How busy the machine's processors were between one reading and the next."""

    def __init__(self, proc: Path = PROC) -> None:
        self._proc = proc
        self._busy = 0
        self._all = 0
        self._share = 0.0

    def utilization(self) -> float | None:
        """The busy share, 0 to 1, since the last call (first: since boot); None where /proc does not tell."""
        try:
            line = (self._proc / "stat").read_text().partition("\n")[0]
        except OSError:
            return None
        user, nice, system, idle, waiting, *others = map(int, line.split()[1:9])  # guest time is in user already
        busy = user + nice + system + sum(others)
        everything = busy + idle + waiting
        if everything > self._all:
            self._share = min(1.0, max(0.0, (busy - self._busy) / (everything - self._all)))
        self._busy, self._all = busy, everything
        return self._share


def _most_files(limits: str) -> int | None:
    for line in limits.splitlines():
        if line.startswith("Max open files"):
            soft = line.split()[3]
            return None if soft == "unlimited" else int(soft)
    return None
