"""What is told of a process in one line."""

import os
from pathlib import Path

import pytest

from headrace.devices.process_stat import BEGAN_TICKS, PARENT, STATE, resident_bytes, runs, stat_fields


def test_a_name_may_hold_spaces_and_brackets(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "stat").write_text(f"7 (a) b ( c) T 3 {' '.join(map(str, range(5, 60)))}\n")
    fields = stat_fields(7, tmp_path)
    assert (fields[STATE], fields[PARENT], fields[BEGAN_TICKS]) == ("T", "3", "22")


def test_this_process_has_its_parent() -> None:
    assert int(stat_fields("self")[PARENT]) == os.getppid()


def test_memory_is_told_in_bytes(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "stat").write_text(f"7 (a) S 3 {' '.join(map(str, range(5, 60)))}\n")
    assert resident_bytes(7, tmp_path) == 24 * os.sysconf("SC_PAGE_SIZE")
    assert 1 << 20 < resident_bytes() < 1 << 40


def test_a_process_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="stat"):
        stat_fields(7, tmp_path)


def test_a_process_that_ended_does_not_run_before_somebody_waits_for_it_and_after(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "stat").write_text(f"7 (a) Z 3 {' '.join(map(str, range(5, 60)))}\n")
    assert [runs(pid, tmp_path) for pid in (7, 8)] == [False, False]
    assert runs(os.getpid())
