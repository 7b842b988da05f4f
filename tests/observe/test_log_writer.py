"""Whoever writes a line goes on at once; what cannot be written is counted."""

import os
import threading
from pathlib import Path

import pytest

from headrace.errors import SettingInvalid
from headrace.observe import log_writer
from headrace.observe.log_file import LogFile
from headrace.observe.log_writer import LogWriter, open_writer


def test_lines_are_written_in_their_order_whoever_makes_them(tmp_path: Path) -> None:
    writer = LogWriter(LogFile(tmp_path / "log", 1000, 1))
    writer.write("a\n")
    writer.make(2, lambda: ["b\n", "c\n"])
    writer.write("d \udcff\n")
    writer.close()
    assert (tmp_path / "log").read_text() == "a\nb\nc\nd \\udcff\n"
    assert not writer.dropped


def test_lines_yet_to_be_made_wait_for_others_and_text_takes_them_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_writer, "TOGETHER_S", 3600)
    writer, written = LogWriter(LogFile(tmp_path / "log", 1000, 1)), threading.Event()

    def last() -> list[str]:
        written.set()
        return ["b\n"]

    writer.make(1, lambda: ["a\n"])
    writer.make(1, last)
    assert not written.is_set()
    writer.write("c\n")
    assert written.wait(10)
    writer.close()
    assert (tmp_path / "log").read_text() == "a\nb\nc\n"


def test_lines_that_cannot_be_made_are_counted_and_the_next_are_written(tmp_path: Path) -> None:
    def broken() -> list[str]:
        raise ValueError("year 300000 is out of range")

    writer = LogWriter(LogFile(tmp_path / "log", 1000, 1))
    writer.make(3, broken)
    writer.write("after\n")
    writer.close()
    assert (tmp_path / "log").read_text() == "after\n"
    assert writer.dropped == {"fault": 3}


def test_a_reader_that_stalls_holds_up_nobody_and_what_is_lost_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_writer, "MOST_WAITING", 10)
    monkeypatch.setattr(log_writer, "GOODBYE_S", 0)
    reading, writing = os.pipe()
    writer = LogWriter(writing)
    for _ in range(200):
        writer.write("x" * 100_000 + "\n")  # far more than a pipe holds
    writer.make(5, list)
    assert writer.dropped["full"] > 150
    writer.close()
    os.close(reading)  # the thread ends with an error


def test_a_disk_that_is_full_is_counted_and_the_next_line_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, tried = LogFile(tmp_path / "log", 1000, 1), threading.Event()

    def full(data: bytes) -> None:
        tried.set()
        raise OSError("no space")

    writer = LogWriter(file)
    with monkeypatch.context() as patched:
        patched.setattr(file, "write", full)
        writer.write("lost\n")
        assert tried.wait(10)
    writer.write("kept\n")
    writer.close()
    assert (tmp_path / "log").read_text() == "kept\n"
    assert writer.dropped == {"disk": 1}


def test_a_file_that_was_moved_away_is_begun_anew(tmp_path: Path) -> None:
    writer = open_writer(str(tmp_path / "log"), 1000, 1)
    (tmp_path / "log").rename(tmp_path / "moved")
    writer.reopen()
    writer.write("a\n")
    writer.close()
    assert (tmp_path / "log").read_text() == "a\n"


def test_a_file_that_cannot_be_had_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingInvalid, match=r"log.file: '.*nowhere/log' cannot be written: No such file"):
        open_writer(str(tmp_path / "nowhere" / "log"), 1000, 1)


def test_the_last_lines_are_kept_as_plain_text(tmp_path: Path) -> None:
    writer = LogWriter(LogFile(tmp_path / "log", 10**7, 1))
    writer.write("".join(f"{number}\n" for number in range(600)))
    writer.make(1, lambda: ["\x1b[31mred\x1b[0m " + "x" * 5000 + "\n"])
    writer.close()
    first, second, last = writer.tail(3)
    assert (first, second, last[:6]) == ("598", "599", "red xx")
    assert len(last) <= log_writer.TAIL_WIDTH
    assert len(writer.tail(10_000)) == log_writer.TAIL
