"""Whose threads the operating system runs first where all want the same cores.

Nice values are shares: a thread that others outweigh still keeps a core until its slice is over, so that whoever wakes
waits for some milliseconds at each step. Linux's class for idle time is what gives way at once, and for as long as
anybody else wants the core.
"""

import logging
import os
import threading
from collections.abc import Hashable
from contextlib import suppress
from typing import Literal

from headrace.devices.process_stat import BEGAN_TICKS, PROC, stat_fields

log = logging.getLogger(__name__)

Precedence = Literal["usual", "later", "last"]
"""As the server itself; with a small share beside it; or only while nobody else wants the core."""

YIELDING = 10
"""On top of the server's own nice value: a tenth of the time beside a thread that does not yield, so that nothing
stands still for ever."""
MOST = 19


class Yielding:
    """Owns which processes give way, by whose they are; those that are gone are forgotten."""

    def __init__(self) -> None:
        self._precedence: dict[Hashable, Precedence] = {}
        self._processes: dict[Hashable, dict[int, str]] = {}
        self._refused = False
        self._own = os.getpriority(os.PRIO_PROCESS, 0)
        self._may_be_last: bool | None = None  # until it was tried

    def began(self, whose: Hashable, pid: int) -> None:
        """One more process of theirs."""
        processes = self._processes.setdefault(whose, {})
        for gone in [each for each, began in processes.items() if began_at(each) != began]:
            del processes[gone]
        processes[pid] = began_at(pid)
        if whose in self._precedence:
            self._set(pid, self._precedence[whose])

    def set(self, whose: Hashable, precedence: Precedence) -> None:
        """All of their processes run so from now on."""
        if precedence == "usual":
            self._precedence.pop(whose, None)
        else:
            self._precedence[whose] = precedence
        for pid in self._living(whose):
            self._set(pid, precedence)

    def run_as(self, pid: int, precedence: Precedence) -> None:
        """A process runs so for a while, where this user may call it back from that; `usual`: as all of theirs do whose
        it is."""
        if self._comes_back():
            self._set(pid, self._due(pid) if precedence == "usual" else precedence)

    def _due(self, pid: int) -> Precedence:
        """Of a process as it is."""
        return next((how for whose, how in self._precedence.items() if pid in self._living(whose)), "usual")

    def _living(self, whose: Hashable) -> list[int]:
        """Their processes that are there: the number of one that is gone may be another's by now."""
        return [pid for pid, began in self._processes.get(whose, {}).items() if began and began_at(pid) == began]

    def _comes_back(self) -> bool:
        """Whether what runs last may be called back; else it might starve."""
        if self._may_be_last is None:
            self._may_be_last = comes_back_from_last()
        return self._may_be_last

    def _set(self, pid: int, precedence: Precedence) -> None:
        nice = self._own if precedence == "usual" else min(self._own + YIELDING, MOST)
        last = precedence == "last" and self._comes_back()
        if not set_precedence(pid, nice, last=last) and not self._refused:
            self._refused = True
            log.info("processes that gave way keep their low priority: this user may not raise it (RLIMIT_NICE)")


def set_precedence(pid: int, nice: int, *, last: bool = False) -> bool:
    """Of every thread of a process, and of those that they start; `last`: only while nobody else wants the core. False
    where that is not allowed. A process that is gone is no fault, nor a system that has no such thing."""
    allowed = True
    with suppress(OSError):
        for thread in (PROC / str(pid) / "task").iterdir():
            with suppress(ProcessLookupError):
                try:
                    _set_class(int(thread.name), os.SCHED_IDLE if last else os.SCHED_OTHER)
                    os.setpriority(os.PRIO_PROCESS, int(thread.name), nice)
                except PermissionError:
                    allowed = False
    return allowed


def comes_back_from_last() -> bool:
    """Whether this user may take a thread out of the class for idle time again; tried with one that ends then."""
    found: list[bool] = []

    def try_it() -> None:
        try:
            for wanted in (os.SCHED_IDLE, os.SCHED_OTHER):
                _set_class(0, wanted)
        except OSError:
            return
        found.append(True)

    thread = threading.Thread(target=try_it, name="priority")
    thread.start()
    thread.join()
    return bool(found)


def _set_class(thread: int, wanted: int) -> None:
    """Nothing is done to a thread that its owner has given another class than these two."""
    now = os.sched_getscheduler(thread)
    if now != wanted and now in (os.SCHED_OTHER, os.SCHED_IDLE):
        os.sched_setscheduler(thread, wanted, os.sched_param(0))


def began_at(pid: int) -> str:
    """When a process began, as the kernel counts it: a number may come again. Empty where it is gone."""
    try:
        return stat_fields(pid)[BEGAN_TICKS]
    except (OSError, IndexError):
        return ""
