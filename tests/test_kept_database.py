"""A database that outlives the server."""

import errno
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from headrace.kept_database import KeptDatabase, open_database, set_aside, why_not_kept

TABLES = ("CREATE TABLE IF NOT EXISTS said (word TEXT)",)


def _open(file: Path | None, format_: int = 1) -> "closing[sqlite3.Connection]":
    return closing(open_database(file, format_, TABLES, "what is said"))


def _words(database: sqlite3.Connection) -> list[str]:
    return [word for (word,) in database.execute("SELECT word FROM said")]


def _say(database: sqlite3.Connection, word: str) -> None:
    with database:
        database.execute("INSERT INTO said VALUES (?)", (word,))


def test_what_is_kept_is_there_again_and_for_nobody_else(tmp_path: Path) -> None:
    file = tmp_path / "new" / "said.db"
    with _open(file) as database:
        _say(database, "a")
    with _open(file) as database:
        assert _words(database) == ["a"]
    assert file.stat().st_mode & 0o077 == 0


def test_what_is_deleted_is_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "said.db"
    with _open(file) as database:
        _say(database, "a secret of many letters")
    with _open(file) as database, database:
        database.execute("DELETE FROM said")
    assert b"a secret" not in file.read_bytes()


@pytest.mark.parametrize("damage", [b"this is no database" * 100, None], ids=["damaged", "newer"])
def test_a_file_that_is_of_no_use_is_set_aside(tmp_path: Path, damage: bytes | None) -> None:
    file = tmp_path / "said.db"
    if damage is None:
        with _open(file, format_=99):
            pass
    else:
        file.write_bytes(damage)
    with _open(file) as database:
        assert _words(database) == []
        _say(database, "b")
    assert file.with_suffix(".aside").exists()
    with _open(file) as database:
        assert _words(database) == ["b"]


def test_without_a_folder_it_lives_in_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for file in (tmp_path / "file" / "said.db", None):
        with _open(file) as database:
            _say(database, "c")
            assert _words(database) == ["c"]


def test_one_stays_open_and_is_tried_again_where_it_could_not_be_had(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    kept = KeptDatabase(tmp_path / "file" / "said.db", 1, TABLES, "what is said")
    with pytest.raises(OSError, match="file"):
        kept.opened()
    (tmp_path / "file").unlink()
    _say(kept.opened(), "a")
    assert kept.opened() is kept.opened()
    kept.close()
    assert _words(kept.opened()) == ["a"]
    kept.close()


def test_one_that_turns_out_to_be_no_good_begins_anew(tmp_path: Path) -> None:
    kept = KeptDatabase(tmp_path / "said.db", 1, TABLES, "what is said")
    _say(kept.opened(), "a")
    kept.begin_anew(ValueError("it says nothing"))
    assert _words(kept.opened()) == []
    kept.close()
    assert (tmp_path / "said.aside").exists()


def test_what_was_written_beside_a_file_goes_along_when_it_is_set_aside(tmp_path: Path) -> None:
    file, aside = tmp_path / "said.db", tmp_path / "said.db.aside"
    for name in ("said.db", "said.db-wal"):
        (tmp_path / name).write_text(name)
    set_aside(file, aside)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["said.db.aside", "said.db.aside-wal"]


def test_who_asked_is_told_of_a_full_disk_and_not_where_there_can_be_no_folder() -> None:
    assert why_not_kept(OSError(errno.ENOSPC, "No space left on device")) == "No space left on device"
    assert why_not_kept(sqlite3.OperationalError("database or disk is full")) == "database or disk is full"
    assert why_not_kept(PermissionError(errno.EACCES, "Permission denied")) == ""
