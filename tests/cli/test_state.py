"""`headrace state` shows what is kept, and forgets it."""

import json
from pathlib import Path

import msgspec
import pytest

from headrace.cli.failure import Failure
from headrace.cli.state import run, told
from headrace.models.state import State
from headrace.models.wishes import Wishes
from headrace.traffic.plans import Plans, Rollout, Shadow, Split

WISHES = Wishes(
    unloaded=True,
    asked=True,
    pinned=True,
    labels={"stable": 3},
    held_back=frozenset({5, 4}),
    kept=3,
    traffic=Plans(Split({3: 0.9, 4: 0.1}), Shadow(4), Rollout(3, 4, (0.1, 1.0), step=1)),
)


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    (tmp_path / "models").mkdir()
    return [str(tmp_path / "models"), "--set", f"state.dir={tmp_path / 'state'}"]


def test_what_is_kept_is_shown(arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = State(tmp_path / "state")
    state.keep("m", WISHES)
    state.close()
    assert run(["show", *arguments]) == 0
    assert capsys.readouterr().out.splitlines() == [f"in {tmp_path / 'state'}", f"m: {'; '.join(told(WISHES))}"]
    assert told(WISHES) == [
        "unloaded by a request",
        "loaded by a request",
        "pinned in memory",
        "stable is version 3",
        "rolled back from 4, 5",
        "rolled back to 3",
        "split 3: 0.9, 4: 0.1",
        "shadow is version 4",
        "rollout from version 3 to 4, step 2 of 2",
    ]
    run(["show", *arguments, "--json"])
    assert json.loads(capsys.readouterr().out)["m"]["labels"] == {"stable": 3}


@pytest.mark.parametrize("field", sorted({*Wishes.__struct_fields__} - {"filed", "routed"}))
def test_whatever_is_kept_has_words(field: str) -> None:
    assert told(msgspec.structs.replace(Wishes(), **{field: getattr(WISHES, field)}))


def test_an_empty_database_keeps_nothing(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "state.db").touch()
    assert run(["show", *arguments]) == 0
    assert capsys.readouterr().out == f"nothing is kept in {tmp_path / 'state'}\n"


def test_it_is_forgotten(arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = State(tmp_path / "state")
    state.keep("m", WISHES)
    with pytest.raises(Failure, match=r"the state stays: process [0-9]+ keeps its state"):
        run(["reset", *arguments])
    state.close()
    assert run(["reset", *arguments]) == 0
    assert State(tmp_path / "state").look() == {}
    run(["reset", *arguments])
    run(["show", *arguments])
    assert capsys.readouterr().out.splitlines()[-1].startswith("nothing is kept")


def test_as_json_it_says_whether_anything_was_forgotten(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = State(tmp_path / "state")
    state.keep("m", WISHES)
    state.close()
    for forgotten in (True, False):
        assert run(["reset", *arguments, "--json"]) == 0
        said = json.loads(capsys.readouterr().out)
        assert said == {"folder": str(tmp_path / "state"), "forgotten": forgotten}


def test_what_cannot_be_read_is_said_and_left(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "state.db").write_bytes(b"no database" * 100)
    with pytest.raises(Failure, match="cannot be read"):
        run(["show", *arguments])
    assert (tmp_path / "state" / "state.db").exists()
