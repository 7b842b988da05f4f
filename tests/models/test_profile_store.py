"""What was learnt of models is there at the next start, and a damaged file costs nothing else."""

import sqlite3
from contextlib import closing
from pathlib import Path

from headrace.memory.profiles import Profile
from headrace.models.profile_store import ProfileStore
from tests.fakes import signature

NOT_TO_BE_LOOKED_FOR = Path("x" * 300)  # as a folder that is closed to the user
PROFILE = Profile(10, "onnx", 40, 20, 0.25, signature())


def test_what_was_written_is_read(tmp_path: Path) -> None:
    ProfileStore(tmp_path / "cache").write({"a": PROFILE})
    ProfileStore(tmp_path / "cache").write({"b": PROFILE})
    assert ProfileStore(tmp_path / "cache").read() == {"a": PROFILE, "b": PROFILE}


def test_without_a_folder_nothing_is_kept() -> None:
    store = ProfileStore(None)
    store.write({"a": PROFILE})
    assert store.read() == {}


def test_where_nobody_may_look_nothing_is_kept() -> None:
    assert ProfileStore(NOT_TO_BE_LOOKED_FOR).read() == {}


def test_a_damaged_file_is_written_anew(tmp_path: Path) -> None:
    (tmp_path / "profiles.db").write_bytes(b"no database" * 1000)
    store = ProfileStore(tmp_path)
    assert store.read() == {}
    store.write({"a": PROFILE})
    assert store.read() == {"a": PROFILE}


def test_so_is_one_of_another_format(tmp_path: Path) -> None:
    ProfileStore(tmp_path).write({"a": PROFILE})
    with closing(sqlite3.connect(tmp_path / "profiles.db")) as database:
        database.execute("PRAGMA user_version = 99")
    assert ProfileStore(tmp_path).read() == {}


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ProfileStore(tmp_path / "file").write({"a": PROFILE})


def test_those_written_longest_ago_make_room(tmp_path: Path) -> None:
    store = ProfileStore(tmp_path, most=3)
    store.write({"a": PROFILE, "b": PROFILE, "c": PROFILE})
    store.write({"a": PROFILE, "d": PROFILE})
    assert sorted(store.read()) == ["a", "c", "d"]
