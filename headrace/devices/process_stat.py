"""One line about a process, as Linux's /proc tells it."""

import os
from collections.abc import Sequence
from pathlib import Path

PROC = Path("/proc")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

STATE, PARENT, USER_TICKS, SYSTEM_TICKS, BEGAN_TICKS, RESIDENT_PAGES = 0, 1, 11, 12, 19, 21
"""Places among the fields: ticks are of the processor's clock, `BEGAN_TICKS` those since the machine's start."""


def stat_fields(pid: int | str, proc: Path = PROC) -> list[str]:
    """The fields after the process's name, of process `pid` ("self": this one). Raises OSError where it is gone."""
    with open(f"{proc}/{pid}/stat", "rb") as file:  # noqa: PTH123 it is read again and again: no paths are made
        told = file.read().decode("utf-8", "replace")
    # The name, in brackets, may hold spaces and brackets; the fields after it may not.
    return told.rpartition(")")[2].split()


def cpu_s(fields: Sequence[str]) -> float:
    """Seconds of a core that a process has had, by its fields."""
    return (int(fields[USER_TICKS]) + int(fields[SYSTEM_TICKS])) / TICKS_PER_SECOND


def ran_s(pid: int) -> float:
    """Seconds of a core that a process has had until now; 0 where it is gone."""
    try:
        return cpu_s(stat_fields(pid))
    except (OSError, IndexError):
        return 0.0


def resident_bytes(pid: int | str = "self", proc: Path = PROC) -> int:
    """What a process has in memory, what it shares with others included. Raises OSError where it is gone."""
    return int(stat_fields(pid, proc)[RESIDENT_PAGES]) * PAGE_BYTES


def runs(pid: int, proc: Path = PROC) -> bool:
    """Whether there is such a process; one that has ended, and nobody has waited for, does not run."""
    try:
        return stat_fields(pid, proc)[STATE] != "Z"
    except (OSError, IndexError):
        return False
