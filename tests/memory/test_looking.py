"""A process is measured anew where what it has in memory has changed."""

from pathlib import Path

from headrace.memory.looking import ALL_S, Looking
from tests.memory.test_processes import KIB, process


class Machine:
    """A server with a worker, on a clock of its own."""

    def __init__(self, proc: Path) -> None:
        self.proc = proc
        self.now_s = 0.0
        self.look = Looking(proc, lambda: self.now_s)
        self.has(10, 40_000)
        self.has(11, 8_000)

    def has(self, pid: int, rss: int, pss: int | None = None) -> None:
        process(self.proc, pid, 1 if pid == 10 else 10, pss=rss if pss is None else pss, rss=rss)

    def takes(self) -> dict[int, int]:
        return {pid: each.pss_bytes // KIB for pid, each in self.look(10).taken.items()}


def test_the_first_look_measures_all(tmp_path: Path) -> None:
    assert Machine(tmp_path).takes() == {10: 40_000, 11: 8_000}


def test_one_that_has_grown_is_measured_and_the_others_are_not(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.takes()
    machine.has(10, 40_000, pss=1)
    machine.has(11, 9_000)
    assert machine.takes() == {10: 40_000, 11: 9_000}


def test_small_changes_are_seen_once_they_are_large_together(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.takes()
    machine.has(10, 40_200)
    assert machine.takes() == {10: 40_000, 11: 8_000}
    machine.has(11, 8_200)
    assert machine.takes() == {10: 40_200, 11: 8_200}


def test_where_a_process_comes_or_goes_all_are_measured(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.takes()
    machine.has(10, 40_000, pss=30_000)
    machine.has(12, 4_000)
    assert machine.takes() == {10: 30_000, 11: 8_000, 12: 4_000}
    for file in (tmp_path / "12").iterdir():
        file.unlink()
    machine.has(10, 40_000, pss=35_000)
    assert machine.takes() == {10: 35_000, 11: 8_000}


def test_now_and_then_all_are_measured_though_no_number_says_so(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.takes()
    machine.has(11, 8_000, pss=7_000)
    machine.now_s = ALL_S - 0.1
    assert machine.takes()[11] == 8_000
    machine.now_s = ALL_S
    assert machine.takes()[11] == 7_000
