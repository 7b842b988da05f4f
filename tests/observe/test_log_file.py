"""Files of lines begin anew, and lose no line over it."""

import errno
import os
from pathlib import Path

import pytest

from headrace.observe.log_file import LogFile


def _contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(folder.iterdir())}


def test_a_file_that_is_large_enough_has_another_begun_and_so_many_are_kept(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "log", max_bytes=4, keep=2)
    for number in range(5):
        file.write(b"%d\n" % number * 2)
    assert _contents(tmp_path) == {"log": "4\n4\n", "log.1": "3\n3\n", "log.2": "2\n2\n"}


def test_where_none_is_kept_the_file_itself_begins_anew(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "log", max_bytes=4, keep=0)
    for line in (b"aaa\n", b"bbb\n"):
        file.write(line)
    assert _contents(tmp_path) == {"log": "bbb\n"}


def test_what_was_there_before_is_gone_on_with(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("old\n")
    LogFile(tmp_path / "log", max_bytes=100, keep=1).write(b"new\n")
    assert _contents(tmp_path) == {"log": "old\nnew\n"}


def test_a_file_that_was_moved_away_is_begun_anew_when_told(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "log", max_bytes=100, keep=1)
    file.write(b"a\n")
    (tmp_path / "log").rename(tmp_path / "moved")
    file.write(b"b\n")
    file.reopen()
    file.write(b"c\n")
    assert _contents(tmp_path) == {"log": "c\n", "moved": "a\nb\n"}


def test_a_line_that_a_full_disk_cut_short_is_ended_before_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, write, room = LogFile(tmp_path / "log", max_bytes=100, keep=1), os.write, [3]

    def full(descriptor: int, data: memoryview) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, "no space")
        written = write(descriptor, data[: room[0]])
        room[0] -= written
        return written

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(OSError, match="no space"):
            file.write(b"whole\n")
    file.write(b"next\n")
    assert _contents(tmp_path) == {"log": "who\nnext\n"}


def test_where_no_other_can_be_begun_the_file_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = LogFile(tmp_path / "log", max_bytes=4, keep=1)
    file.write(b"aaa\n")

    def refused(*anything: object) -> int:
        raise PermissionError(errno.EACCES, "not allowed")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", refused)
        file.write(b"bbb\n")
        patched.setattr(os, "open", refused)
        with pytest.raises(PermissionError):
            file.reopen()
        file.write(b"ccc\n")
    file.write(b"ddd\n")
    assert _contents(tmp_path) == {"log": "ddd\n", "log.1": "aaa\nbbb\nccc\n"}
