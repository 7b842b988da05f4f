"""Whose threads the operating system runs first where all want the same cores."""

import logging
import os
from collections.abc import Hashable
from contextlib import suppress

from headrace.devices.process_stat import BEGAN_TICKS, PROC, stat_fields

log = logging.getLogger(__name__)

YIELDING = 10
"""On top of the server's own nice value: a tenth of the time beside a thread that does not yield, so that nothing
stands still for ever."""
MOST = 19


class Yielding:
    """Owns which processes give way, by whose they are; those that are gone are forgotten."""

    def __init__(self) -> None:
        self._yields: set[Hashable] = set()
        self._processes: dict[Hashable, dict[int, str]] = {}
        self._refused = False
        self._own = os.getpriority(os.PRIO_PROCESS, 0)

    def began(self, whose: Hashable, pid: int) -> None:
        """One more process of theirs."""
        processes = self._processes.setdefault(whose, {})
        for gone in [each for each, began in processes.items() if _began(each) != began]:
            del processes[gone]
        processes[pid] = _began(pid)
        if whose in self._yields:
            self._set(pid, yields=True)

    def set(self, whose: Hashable, yields: bool) -> None:
        """All of their processes give way from now on, or do no more."""
        (self._yields.add if yields else self._yields.discard)(whose)
        for pid, began in self._processes.get(whose, {}).items():
            if began and _began(pid) == began:  # else the number may be another's by now
                self._set(pid, yields)

    def _set(self, pid: int, yields: bool) -> None:
        if not set_nice(pid, min(self._own + YIELDING, MOST) if yields else self._own) and not self._refused:
            self._refused = True
            log.info("processes that gave way keep their low priority: this user may not raise it (RLIMIT_NICE)")


def set_nice(pid: int, nice: int) -> bool:
    """Of every thread of a process, and of those that they start; False where that is not allowed. A process that is
    gone is no fault, nor a system that has no such thing."""
    allowed = True
    with suppress(OSError):
        for thread in (PROC / str(pid) / "task").iterdir():
            with suppress(ProcessLookupError):
                try:
                    os.setpriority(os.PRIO_PROCESS, int(thread.name), nice)
                except PermissionError:
                    allowed = False
    return allowed


def _began(pid: int) -> str:
    """When the process began, as the kernel counts it: a number may come again. Empty where it is gone."""
    try:
        return stat_fields(pid)[BEGAN_TICKS]
    except (OSError, IndexError):
        return ""
