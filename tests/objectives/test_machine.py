"""A disk is asked how much of it is free, and memory how long it was waited for."""

from pathlib import Path

import pytest

from headrace.objectives.machine import disks, stalled_ratio


def test_a_place_that_is_not_there_yet_is_on_the_disk_of_the_folder_above(tmp_path: Path) -> None:
    free = disks({"state": tmp_path, "cache": tmp_path / "no" / "such"})
    assert 0 < free["state"] <= 1
    assert free.keys() == {"state", "cache"}


def test_what_cannot_be_asked_is_left_out() -> None:
    assert disks({"nowhere": Path("a relative path")}).keys() <= {"nowhere"}
    assert disks({}) == {}


@pytest.mark.parametrize(
    ("memory", "ratio"), [({"pressure": {"full": 25.0}}, 0.25), ({"pressure": None}, None), ({}, None)]
)
def test_memory_tells_how_long_it_was_waited_for_where_the_kernel_does(
    memory: dict[str, object], ratio: float | None
) -> None:
    assert stalled_ratio(memory) == ratio
