"""Which processes a version has is known as soon as it is asked."""

from headrace.models.worker_pids import MOST, WorkerPids
from headrace.records import Record, WorkerEvent
from headrace.types import ModelVersion

M = ModelVersion("m", 1)


class Bus:
    def __init__(self) -> None:
        self.waiting: list[Record] = []
        self.pids = WorkerPids(self.flush)

    def flush(self) -> None:
        self.pids(self.waiting)
        self.waiting = []

    def put(self, what: str, pid: int) -> None:
        self.waiting.append(WorkerEvent(M, 0, what, "", 0.0, pid))


def test_what_was_started_is_known_before_the_bus_is_flushed_by_others() -> None:
    bus = Bus()
    bus.put("started", 7)
    assert bus.pids.alive() == {M: [7]}


def test_what_died_is_gone() -> None:
    bus = Bus()
    bus.put("started", 7)
    bus.put("started", 8)
    bus.put("died", 7)
    assert bus.pids.alive() == {M: [8]}


def test_only_the_last_are_remembered() -> None:
    bus = Bus()
    for pid in range(1, MOST + 3):
        bus.put("started", pid)
    assert list(bus.pids.alive()[M]) == list(range(3, MOST + 3))
