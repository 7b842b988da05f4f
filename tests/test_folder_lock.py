"""A folder has one process at a time, and the other is told whose it is."""

import os
from pathlib import Path

import pytest

from headrace.folder_lock import Taken, take


def test_a_folder_is_one_s_until_the_lock_is_closed(tmp_path: Path) -> None:
    lock = take(tmp_path / "new")
    with pytest.raises(Taken) as refused:
        take(tmp_path / "new")
    assert refused.value.owner == str(os.getpid())
    os.close(lock)
    os.close(take(tmp_path / "new"))


def test_where_there_can_be_no_folder_the_system_s_error_is_raised(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        take(tmp_path / "file" / "folder")
