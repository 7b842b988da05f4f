"""What the server's processes take, looked at again and again: anew only where that has changed.

To have the pages of a process counted takes the kernel a millisecond for each few thousand of them, in which that
process can map none; how many it has stands beside its parent, which is read anyhow to know whose it is. Of processes
that are not ours even that is read seldom: a machine may have hundreds.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from headrace.devices.process_stat import PROC
from headrace.memory.pressure import Pressure, pressure
from headrace.memory.processes import Taken, family, taken_by

LITTLE_BYTES = 256 << 10  # that all processes together may have changed by since they were measured
ALL_S = 10.0  # between two looks at all of them: who shares a page may change though no number does


class Looked(NamedTuple):
    """What the operating system tells."""

    taken: dict[int, Taken]
    pressure: Pressure | None


class Looking:
    """Called with the server's process, off the loop and by one at a time, for it takes milliseconds at times."""

    def __init__(self, proc: Path = PROC, now_s: Callable[[], float] = time.monotonic) -> None:
        self._proc = proc
        self._now_s = now_s
        self._taken: dict[int, Taken] = {}
        self._resident: dict[int, int] = {}  # bytes of each when it was measured
        self._all_s = -ALL_S  # when all were
        self._strangers: frozenset[int] = frozenset()

    def __call__(self, server: int) -> Looked:
        """The server and all that descends from it."""
        strangers = self._strangers if self._now_s() - self._all_s < ALL_S else frozenset[int]()
        resident, self._strangers = family(server, self._proc, strangers)
        outdated = self._outdated(resident)
        self._taken |= taken_by(outdated, self._proc)
        self._resident |= {pid: resident[pid] for pid in outdated}
        return Looked({pid: self._taken[pid] for pid in resident if pid in self._taken}, pressure())

    def _outdated(self, resident: dict[int, int]) -> list[int]:
        """Those that are to be measured: where one came or went all, for they share pages."""
        now_s = self._now_s()
        if resident.keys() != self._resident.keys() or now_s - self._all_s >= ALL_S:
            self._all_s = now_s
            self._taken.clear()
            self._resident.clear()
            return [*resident]
        moved = {pid: abs(size - self._resident[pid]) for pid, size in resident.items()}
        return [pid for pid, size in moved.items() if size] if sum(moved.values()) > LITTLE_BYTES else []
