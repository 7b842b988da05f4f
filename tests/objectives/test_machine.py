"""A disk is asked how much of it is free."""

from pathlib import Path

from headrace.objectives.machine import disks


def test_a_place_that_is_not_there_yet_is_on_the_disk_of_the_folder_above(tmp_path: Path) -> None:
    free = disks({"state": tmp_path, "cache": tmp_path / "no" / "such"})
    assert 0 < free["state"] <= 1
    assert free.keys() == {"state", "cache"}


def test_what_cannot_be_asked_is_left_out() -> None:
    assert disks({"nowhere": Path("a relative path")}).keys() <= {"nowhere"}
    assert disks({}) == {}
