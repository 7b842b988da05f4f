"""Pressure is the control group's, else the machine's, else nobody's."""

from pathlib import Path

from headrace.memory.pressure import Pressure, pressure

TEXT = "some avg10=1.50 avg60=0.00 avg300=0.00 total=7\nfull avg10=0.25 avg60=0.00 avg300=0.00 total=3\n"


def put(root: Path, place: str, text: str) -> None:
    (root / place).parent.mkdir(parents=True, exist_ok=True)
    (root / place).write_text(text)


def test_the_machine_tells_where_the_control_group_does_not(tmp_path: Path) -> None:
    put(tmp_path, "proc/pressure/memory", TEXT)
    assert pressure(tmp_path) == Pressure(1.5, 0.25, "the machine")


def test_the_control_groups_own_pressure_wins(tmp_path: Path) -> None:
    put(tmp_path, "proc/pressure/memory", TEXT.replace("1.50", "9.00"))
    put(tmp_path, "sys/fs/cgroup/memory.pressure", TEXT)
    assert pressure(tmp_path) == Pressure(1.5, 0.25, "the control group")


def test_a_kernel_that_does_not_tell_is_no_pressure(tmp_path: Path) -> None:
    assert pressure(tmp_path) is None
