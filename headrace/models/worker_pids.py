"""The processes of every version, as records tell of them: a listener of the bus."""

from collections.abc import Callable, Mapping, Sequence

from headrace.records import Record, WorkerEvent
from headrace.types import ModelVersion

MOST = 64
"""Processes of one version that are remembered; the end of one that ended well is told by nobody."""


class WorkerPids:
    """Remembers what was started last. One that is gone may still be among them: it takes nothing."""

    def __init__(self, flush: Callable[[], None]) -> None:
        """`flush` has every record that waits told now."""
        self._flush = flush
        self._pids: dict[ModelVersion, list[int]] = {}

    def __call__(self, records: Sequence[Record]) -> None:
        for record in records:
            if isinstance(record, WorkerEvent):
                pids = [pid for pid in self._pids.get(record.model, []) if pid != record.pid]
                if record.what == "started":
                    pids.append(record.pid)
                self._pids[record.model] = pids[-MOST:]

    def alive(self) -> Mapping[ModelVersion, Sequence[int]]:
        """Those that were started and did not die, by version."""
        self._flush()
        return self._pids
