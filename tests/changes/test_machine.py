"""What other processes took of the machine, out of the kernel's counters."""

import os
from pathlib import Path

import pytest

from headrace.changes.machine import Reading, Watch, Workers, row
from headrace.changes.slots import Machine
from headrace.records import WorkerEvent
from headrace.types import ModelVersion


def write(proc: Path, busy: int, stolen: int, own: int, waited_us: int) -> None:
    core = min(os.sched_getaffinity(0))
    (proc / "pressure").mkdir(exist_ok=True)
    (proc / str(os.getpid())).mkdir(exist_ok=True)
    (proc / "stat").write_text(
        f"cpu  1 2 3\ncpu{core} {busy} 0 0 900 0 0 0 {stolen} 0 0\ncpu9999 5 0 0 0 0 0 0 0 0 0\n"
    )
    fields = ["S", "1"] + ["0"] * 9 + [str(own), "0"] + ["0"] * 10
    (proc / str(os.getpid()) / "stat").write_text(f"1 (a (b) c) {' '.join(fields)}")
    for what in ("io", "memory"):
        (proc / "pressure" / what).write_text(f"some avg10=0.00 total={waited_us}\nfull avg10=0.00 total=1\n")


def test_what_the_server_took_itself_is_not_others(tmp_path: Path) -> None:
    tick = os.sysconf("SC_CLK_TCK")
    write(tmp_path, 0, 0, 0, 0)
    watch = Watch(tmp_path)
    assert watch.look(10.0, ()) is None
    write(tmp_path, 2 * tick, tick, tick, 500_000)
    made = watch.look(12.0, ())
    assert made is not None
    assert made[Machine.OTHERS] == pytest.approx(0.5)
    assert made[Machine.STOLEN] == pytest.approx(0.5)
    assert made[Machine.DISK] == made[Machine.MEMORY] == pytest.approx(0.25)


def test_a_kernel_that_tells_nothing_makes_no_fault(tmp_path: Path) -> None:
    watch = Watch(tmp_path)
    watch.look(1.0, (1, 2))
    made = watch.look(2.0, (3,))
    assert made is not None
    assert not made.any()


def test_counters_that_go_back_are_nothing() -> None:
    assert not row(Reading(1.0, 5, 5, 0, 5, 5), Reading(2.0)).any()


def test_workers_are_known_while_they_live() -> None:
    workers, version = Workers(), ModelVersion("m", 1)
    workers([WorkerEvent(version, 0, "started", "", 1.0, 12), WorkerEvent(version, 1, "started", "", 1.0, 13)])
    workers([WorkerEvent(version, 0, "died", "signal 9", 2.0, 12)])
    assert workers.pids == {13}
