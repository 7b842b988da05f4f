"""What requests said is known to the next start."""

import errno
import os
import sqlite3
from pathlib import Path

import pytest

from headrace.errors import SettingInvalid
from headrace.models.state import State, state_folder
from headrace.models.wishes import Wishes

NOT_TO_BE_LOOKED_FOR = Path("x" * 300)  # as a folder that is closed to the user
SAID = Wishes(unloaded=True, held_back=frozenset({3}), kept=2, labels={"stable": 2})


def test_what_was_kept_is_read_by_the_next_start(tmp_path: Path) -> None:
    state = State(tmp_path / "state")
    assert state.read() == {}
    assert not (tmp_path / "state").exists()
    state.keep("m", SAID)
    state.keep("n", SAID)
    state.keep("n", Wishes())
    state.close()
    assert State(tmp_path / "state").read() == {"m": SAID}


def test_where_labels_lead_and_what_files_say_is_found_anew(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.keep("m", Wishes(labels={"a": 1}, filed={"b": 1}, routed={"a": 1}))
    state.close()
    assert state.read() == {"m": Wishes(labels={"a": 1})}


def test_without_a_folder_nothing_is_kept() -> None:
    state = State(None)
    state.keep("m", SAID)
    assert state.read() == {}


def test_where_nobody_may_look_nothing_is_kept() -> None:
    assert State(NOT_TO_BE_LOOKED_FOR).read() == {}


def test_a_damaged_database_is_set_aside_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "state.db").write_bytes(b"no database" * 100)
    assert State(tmp_path).read() == {}
    assert "set aside as state.db.aside" in caplog.text
    assert (tmp_path / "state.db.aside").exists()


def test_an_empty_database_keeps_nothing_and_stays_where_it_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state.db").touch()
    state = State(tmp_path)
    assert state.look() == state.read() == {}
    assert not caplog.text
    state.keep("m", SAID)
    state.close()
    assert state.look() == {"m": SAID}


def test_a_newer_database_is_set_aside_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    state = State(tmp_path)
    state.keep("m", SAID)
    state.close()
    database = sqlite3.connect(tmp_path / "state.db")
    database.execute("PRAGMA user_version = 99")
    database.close()
    assert State(tmp_path).read() == {}
    assert "newer headrace" in caplog.text


def test_a_folder_has_one_server_and_the_other_says_whose_it_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = State(tmp_path), State(tmp_path)
    first.keep("m", SAID)
    second.keep("m", Wishes(unloaded=True))
    assert f"process {os.getpid()} keeps its state" in caplog.text
    assert first.read() == {"m": SAID}
    first.close()
    second.keep("m", Wishes(unloaded=True))
    second.close()
    assert first.read() == {"m": Wishes(unloaded=True)}


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").touch()
    assert State(tmp_path / "file" / "state").keep("m", SAID) == ""
    assert "is not kept for the next start" in caplog.text


def test_what_the_disk_does_not_take_is_told_to_who_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path) -> sqlite3.Connection:
        raise OSError(errno.ENOSPC, "No space left on device")

    state = State(tmp_path)
    assert state.keep("m", SAID) == ""
    monkeypatch.setattr(sqlite3, "connect", full)
    assert state.keep("m", Wishes()) == "No space left on device"
    state.close()


def test_each_repository_has_a_folder_in_the_user_s_own() -> None:
    home = {"HOME": "/home/me"}
    one, other = (state_folder("", home, Path(path)) for path in ("/models", "/others"))
    assert one is not None
    assert one.parent == Path("/home/me/.local/state/headrace")
    assert one != other
    own = state_folder("", {**home, "XDG_STATE_HOME": "/state"}, Path("/models"))
    assert own == Path("/state/headrace") / one.name
    assert state_folder("/here", home, Path("/models")) == Path("/here")
    assert state_folder("", {}, Path("/models")) is None


def test_a_second_server_of_one_state_is_refused_and_told_which_process_has_it(tmp_path: Path) -> None:
    first = State(tmp_path)
    first.take()
    with pytest.raises(SettingInvalid, match=rf"process {os.getpid()} keeps its state in {tmp_path}; end that server"):
        State(tmp_path).take()
    first.close()
    State(tmp_path).take()


def test_where_there_can_be_no_folder_nothing_is_kept_and_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    State(tmp_path / "file" / "state").take()
    State(None).take()
    assert "is not kept for the next start" in caplog.text
