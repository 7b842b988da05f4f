"""What the machine did besides serving: what other processes took of its cores, and who waited for disks and memory."""

import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.changes.slots import Machine
from headrace.devices.process_stat import SYSTEM_TICKS, USER_TICKS, stat_fields
from headrace.records import Record, WorkerEvent

PROC = Path("/proc")
_BUSY = (0, 1, 2, 5, 6)  # user, nice, system, irq, softirq of a line about a core
_STOLEN = 7


class Reading(msgspec.Struct, frozen=True):
    """Counters since the machine's start, in seconds."""

    when_s: float
    busy_s: float = 0.0  # of the cores that this process may use
    stolen_s: float = 0.0
    own_s: float = 0.0  # of the server and its workers
    disk_s: float = 0.0  # in which some program waited for a disk
    memory_s: float = 0.0


class Workers:
    """A listener of the bus that knows the worker processes that live."""

    def __init__(self) -> None:
        self.pids: set[int] = set()

    def __call__(self, records: Sequence[Record]) -> None:
        for record in records:
            if isinstance(record, WorkerEvent) and record.pid:
                if record.what == "started":
                    self.pids.add(record.pid)
                else:
                    self.pids.discard(record.pid)


class Watch:
    """Reads counters now and then, and tells what happened since the time before. Not to be asked on the event loop."""

    def __init__(self, proc: Path = PROC) -> None:
        self._proc = proc
        self._cores = os.sched_getaffinity(0)
        self._tick_s = 1 / os.sysconf("SC_CLK_TCK")
        self._own: dict[int, float] = {}
        self._before: Reading | None = None

    def look(self, when_s: float, pids: Collection[int]) -> NDArray[np.float32] | None:
        """A row of the machine since the last look; None at the first."""
        now = self._read(when_s, pids)
        before, self._before = self._before, now
        return None if before is None else row(before, now)

    def _read(self, when_s: float, pids: Collection[int]) -> Reading:
        busy, stolen = self._used()
        grown = sum(self._grown(pid) for pid in {os.getpid(), *pids})
        self._own = {pid: seconds for pid, seconds in self._own.items() if pid in pids or pid == os.getpid()}
        own = (self._before.own_s if self._before else 0.0) + grown
        return Reading(when_s, busy, stolen, own, self._waited("io"), self._waited("memory"))

    def _used(self) -> tuple[float, float]:
        busy = stolen = 0
        for line in _lines(self._proc / "stat"):
            name, *fields = line.split()
            number = name.removeprefix("cpu")
            if name.startswith("cpu") and number.isdigit() and int(number) in self._cores and len(fields) > _STOLEN:
                busy += sum(int(fields[place]) for place in _BUSY)
                stolen += int(fields[_STOLEN])
        return busy * self._tick_s, stolen * self._tick_s

    def _grown(self, pid: int) -> float:
        """Seconds of a processor that a process took since it was last looked at; 0 where it is new or gone."""
        try:
            fields = stat_fields(pid, self._proc)
            taken = (int(fields[USER_TICKS]) + int(fields[SYSTEM_TICKS])) * self._tick_s
        except (OSError, IndexError, ValueError):
            return 0.0
        before = self._own.get(pid)
        self._own[pid] = taken
        return 0.0 if before is None else max(0.0, taken - before)

    def _waited(self, what: str) -> float:
        for line in _lines(self._proc / "pressure" / what):
            if line.startswith("some"):
                return int(line.rpartition("total=")[2]) / 1e6
        return 0.0


def row(before: Reading, now: Reading) -> NDArray[np.float32]:
    """Shares of the time between two readings."""
    passed = max(1e-3, now.when_s - before.when_s)
    made = np.zeros(len(Machine), np.float32)
    made[Machine.OTHERS] = max(0.0, (now.busy_s - before.busy_s) - (now.own_s - before.own_s)) / passed
    made[Machine.STOLEN] = max(0.0, now.stolen_s - before.stolen_s) / passed
    made[Machine.DISK] = max(0.0, now.disk_s - before.disk_s) / passed
    made[Machine.MEMORY] = max(0.0, now.memory_s - before.memory_s) / passed
    return made


def _lines(path: Path) -> Iterable[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return ()
