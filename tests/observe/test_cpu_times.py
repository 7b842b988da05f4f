"""Processor time is told by who used it, and never falls."""

from pathlib import Path

import pytest

from headrace.observe import cpu_times
from headrace.observe.cpu_times import ENDED, SERVER, SPARE, CpuTimes
from tests.fakes import FakeClock
from tests.observe.make import moved, worker

M0 = ("m", "1", "worker 0")


class Proc:
    """A /proc of processes whose times the test says, in hundredths of a second."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.used("self", 200)
        self.children("self")

    def used(self, pid: int | str, ticks: int, state: str = "S") -> None:
        (self.folder / str(pid)).mkdir(exist_ok=True)
        fields = [state, *("0" for _ in range(10)), str(ticks), "0", *("0" for _ in range(20))]
        (self.folder / str(pid) / "stat").write_text(f"{pid} (x) {' '.join(fields)}")

    def children(self, pid: int | str, *children: int) -> None:
        thread = self.folder / str(pid) / "task" / "1"
        thread.mkdir(parents=True, exist_ok=True)
        (thread / "children").write_text(" ".join(map(str, children)))


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Proc:
    monkeypatch.setattr("headrace.devices.process_stat.TICKS_PER_SECOND", 100)
    return Proc(tmp_path)


def times_of(proc: Proc, clock: FakeClock | None = None) -> CpuTimes:
    return CpuTimes(clock or FakeClock(), proc.folder)


def test_the_server_and_its_workers_are_told_apart(proc: Proc) -> None:
    times = times_of(proc)
    proc.used(7, 50)
    times([worker("started", 0, 7)])
    assert times.seconds() == {SERVER: 2.0, M0: 0.5}
    assert 'headrace_cpu_seconds_total{model="m",version="1",process="worker 0"} 0.5' in list(times.lines())


def test_what_a_worker_that_died_had_used_is_kept_beside_the_next_ones(proc: Proc) -> None:
    times = times_of(proc)
    proc.used(7, 50)
    times([worker("started", 0, 7)])
    proc.used(8, 10)
    times([worker("died", 0, 7), worker("started", 0, 8)])
    assert times.seconds()[M0] == pytest.approx(0.6)


def test_a_worker_that_ended_without_a_word_is_found_gone(proc: Proc) -> None:
    times = times_of(proc)
    proc.used(7, 50)
    times([worker("started", 0, 7)])
    proc.used(7, 60, state="Z")
    assert times.seconds()[M0] == 0.5


def test_workers_are_looked_at_before_they_are_unloaded(proc: Proc) -> None:
    times = times_of(proc)
    proc.used(7, 50)
    times([worker("started", 0, 7)])
    proc.used(7, 90)
    times([moved("UNLOADING")])
    proc.used(7, 99, state="Z")
    assert times.seconds()[M0] == 0.9


def test_a_process_that_waits_for_a_model_is_nobodys_until_it_has_one(proc: Proc) -> None:
    times = times_of(proc)
    proc.children("self", 5)
    proc.used(5, 100)
    proc.children(5, 6)
    proc.used(6, 40)
    assert times.seconds() == {SERVER: 2.0, SPARE: 1.4}
    proc.used(6, 70)
    times([worker("started", 0, 6)])
    assert times.seconds() == {SERVER: 2.0, SPARE: 1.4, M0: pytest.approx(0.3)}


def test_it_glances_at_one_process_after_another(proc: Proc) -> None:
    clock = FakeClock()
    times = times_of(proc, clock)
    for pid in (7, 8):
        proc.used(pid, 10)
        times([worker("started", pid, pid)])
        proc.used(pid, 20)
    times.start()
    clock.pass_ms(1000)
    times.close()
    times([worker("died", 7, 7), worker("died", 8, 8)])
    assert sum(times.seconds().values()) == pytest.approx(2.4)


def test_owners_that_are_told_apart_are_bounded(proc: Proc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu_times, "MOST_ENDED", 3)
    times = times_of(proc)
    for number in range(9):
        proc.used(7, 10)
        times([worker("started", 0, 7, model=f"m{number}"), worker("died", 0, 7, model=f"m{number}")])
    found = times.seconds()
    assert len(found) <= 5
    assert found[ENDED] == pytest.approx(0.6)


def test_where_there_is_no_proc_nobody_has_used_anything(tmp_path: Path) -> None:
    times = CpuTimes(FakeClock(), tmp_path / "none")
    times([worker("started", 0, 7), worker("died", 0, 9)])
    assert not any(times.seconds().values())
