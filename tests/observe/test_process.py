"""What /proc tells, read from a copy of it and from the real one."""

import os
from pathlib import Path

import pytest

from headrace.observe.process import (
    Files,
    Memory,
    Processors,
    read_boot_time,
    read_children,
    read_cpu,
    read_files,
    read_memory,
    read_use,
)

PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")

STAT = "7 (odd) (name) S 1 7 7 0 -1 4194560 100 0 0 0 {user} {system} 0 0 20 0 4 0 {start} 1 2 3"


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A /proc with one process, 7."""
    folder = tmp_path / "7"
    (folder / "fd").mkdir(parents=True)
    for number in range(3):
        (folder / "fd" / str(number)).touch()
    (folder / "statm").write_text("2000 500 100 1 0 300 0\n")
    (folder / "stat").write_text(STAT.format(user=3 * TICKS, system=TICKS, start=50 * TICKS))
    (folder / "limits").write_text(
        "Limit                     Soft Limit           Hard Limit           Units\n"
        "Max open files            1024                 4096                 files\n"
    )
    (tmp_path / "meminfo").write_text(
        "MemTotal:  1000 kB\nMemFree:  100 kB\nMemAvailable:  400 kB\nHugePages_Total: 0\n"
    )
    (tmp_path / "stat").write_text("cpu  10 0 10 70 10 0 0 0 5 0\ncpu0 1 2 3\nbtime 1700000000\nprocesses 5\n")
    return tmp_path


def test_a_process_is_read_though_its_name_holds_brackets(proc: Path) -> None:
    use = read_use(7, proc)
    assert use
    assert (use.virtual_bytes, use.resident_bytes, use.cpu_s, use.started_s) == (2000 * PAGE, 500 * PAGE, 4.0, 50.0)


def test_a_process_that_is_gone_is_none(proc: Path) -> None:
    assert read_use(8, proc) is None
    assert read_files(8, proc) is None


def test_open_files_and_their_limit_are_read(proc: Path) -> None:
    assert read_files(7, proc) == Files(open=3, most=1024)


def test_unlimited_files_have_no_most(proc: Path) -> None:
    (proc / "7" / "limits").write_text("Max open files            unlimited            unlimited            files\n")
    assert read_files(7, proc) == Files(open=3, most=None)


def test_memory_that_is_available_is_not_used(proc: Path) -> None:
    assert read_memory(proc) == Memory(total_bytes=1000 * 1024, used_bytes=600 * 1024)


def test_the_boot_time_is_read(proc: Path) -> None:
    assert read_boot_time(proc) == 1_700_000_000


def test_utilization_is_the_busy_share_since_the_last_reading(proc: Path) -> None:
    processors = Processors(proc)
    assert processors.utilization() == 0.2
    (proc / "stat").write_text("cpu  40 0 10 140 10 0 0 0 5 0\n")
    assert processors.utilization() == 0.3


def test_a_second_reading_at_once_repeats_the_first(proc: Path) -> None:
    processors = Processors(proc)
    assert processors.utilization() == processors.utilization() == 0.2


def test_where_there_is_no_proc_nothing_is_told(tmp_path: Path) -> None:
    assert read_memory(tmp_path) is None
    assert read_boot_time(tmp_path) is None
    assert Processors(tmp_path).utilization() is None


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="this system has no /proc")
def test_the_real_one_is_understood() -> None:
    use, files, memory, busy = read_use("self"), read_files("self"), read_memory(), Processors().utilization()
    assert use and files and memory and busy is not None
    assert 1 << 20 < use.resident_bytes <= use.virtual_bytes
    assert use.cpu_s > 0
    assert files.open > 2
    assert use.resident_bytes < memory.used_bytes < memory.total_bytes
    assert 0 <= busy <= 1


def test_processor_time_is_read_of_what_lives(proc: Path) -> None:
    assert read_cpu(7, proc) == 4.0
    (proc / "7" / "stat").write_text(STAT.format(user=9, system=9, start=1).replace(") S ", ") Z "))
    assert read_cpu(7, proc) is None
    assert read_cpu(8, proc) is None


def test_the_children_of_all_threads_are_read(proc: Path) -> None:
    for thread, children in (("7", "8 9 "), ("10", "11")):
        (proc / "7" / "task" / thread).mkdir(parents=True)
        (proc / "7" / "task" / thread / "children").write_text(children)
    assert sorted(read_children(7, proc)) == [8, 9, 11]
    assert read_children(8, proc) == []
