"""Processor time by model and process, those that ended included: a listener of the bus that also looks."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from headrace.clock import Clock, Timer
from headrace.devices.process_stat import PROC
from headrace.observe import families
from headrace.observe.exposition import labels
from headrace.observe.process import read_children, read_cpu
from headrace.records import ModelEvent, Record, WorkerEvent

Owner = tuple[str, str, str]
"""Model, version, and the process's name; model and version are empty for those that are nobody's."""

SERVER: Owner = ("", "", "server")
SPARE: Owner = ("", "", "spare")
"""Processes that no model has yet, or whose model is still loading, and those that they are forked from."""
ENDED: Owner = ("", "", "ended")
"""What is no longer told apart."""

ROUND_NS, GLANCE_NS = 1_000_000_000, 100_000_000
"""Between two glances at one process, and at least between two glances."""

MOST_ENDED = 1000
"""Owners whose processes ended that are told apart: releases go on for ever."""


class CpuTimes:
    """Remembers what each process had used when it was last looked at: what ended still counts, up to that look.

    Between two readings it glances at one process after another, all of them in a second where they are no more than
    ten.
    """

    def __init__(self, clock: Clock, proc: Path = PROC) -> None:
        self._clock = clock
        self._proc = proc
        self._timer: Timer | None = None
        self._alive: dict[int, Owner] = {}
        self._seen: dict[int, float] = {}  # of the processes that live, in seconds
        self._others: dict[int, float] = {}  # of that, what was used while it was another's
        self._ended: defaultdict[Owner, float] = defaultdict(float)
        self._turn: list[int] = []  # whom to glance at next

    def start(self) -> None:
        after_ns = max(GLANCE_NS, ROUND_NS // max(1, len(self._alive)))
        self._timer = self._clock.call_at(self._clock.now_ns() + after_ns, self._glance)

    def close(self) -> None:
        if self._timer:
            self._timer.cancel()

    def __call__(self, records: Sequence[Record]) -> None:
        for record in records:
            if isinstance(record, WorkerEvent) and record.what == "started":
                self._begin(record.pid, (record.model.name, str(record.model.version), f"worker {record.worker}"))
            elif isinstance(record, WorkerEvent):
                self._end(record.pid)
            elif isinstance(record, ModelEvent) and record.state == "UNLOADING":  # its processes are about to go
                version = record.model, str(record.version)
                self._look_at([pid for pid, owner in self._alive.items() if owner[:2] == version])

    def seconds(self) -> dict[Owner, float]:
        """By owner, as of now."""
        for _ in self._look():
            pass
        return self._totals()

    def lines(self) -> Iterator[str]:
        """What Prometheus reads of it, behind a place to pause at for each process."""
        for _ in self._look():
            yield ""
        yield from families.CPU_SECONDS.lines(
            (labels({"model": model, "version": version, "process": process}), round(seconds, 3))
            for (model, version, process), seconds in sorted(self._totals().items())
        )

    def _look(self) -> Iterator[None]:
        """At every process, one after another."""
        for pid in self._spare("self"):
            self._alive.setdefault(pid, SPARE)
        for pid in list(self._alive):
            self._look_at((pid,))
            yield

    def _totals(self) -> dict[Owner, float]:
        totals = self._ended.copy()
        for pid, owner in self._alive.items():
            totals[owner] += self._used(pid)
        if (own_s := read_cpu("self", self._proc)) is not None:
            totals[SERVER] += own_s
        return dict(totals)

    def _spare(self, pid: int | str) -> Iterable[int]:
        """What descends from a process, but for what belongs to a model."""
        for child in read_children(pid, self._proc):
            if self._alive.get(child, SPARE) == SPARE:
                yield child
                yield from self._spare(child)

    def _look_at(self, pids: Iterable[int]) -> None:
        for pid in pids:
            used_s = read_cpu(pid, self._proc)
            if used_s is None:
                self._end(pid)
            else:
                self._seen[pid] = used_s

    def _glance(self) -> None:
        self._turn = self._turn or list(self._alive)
        if self._turn and (pid := self._turn.pop()) in self._alive:
            self._look_at((pid,))
        self.start()

    def _begin(self, pid: int, owner: Owner) -> None:
        if pid in self._alive:
            self._ended[self._alive[pid]] += self._used(pid)
            self._others[pid] = self._seen.get(pid, 0.0)
        self._alive[pid] = owner
        self._look_at((pid,))

    def _end(self, pid: int) -> None:
        if (owner := self._alive.get(pid)) is None:
            return
        if owner not in self._ended and len(self._ended) >= MOST_ENDED:
            self._ended[ENDED] += self._ended.pop(next(each for each in self._ended if each != ENDED))
        self._ended[owner] += self._used(pid)
        for known in (self._alive, self._seen, self._others):
            known.pop(pid, None)

    def _used(self, pid: int) -> float:
        return self._seen.get(pid, 0.0) - self._others.get(pid, 0.0)
