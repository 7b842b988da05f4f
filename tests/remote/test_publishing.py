"""Putting in place, with a crash at any step."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.remote.listing import Listing, RemoteFile
from headrace.remote.plan import is_one_model, plans, units
from headrace.remote.publishing import Shelf, write_whole
from tests.remote.listings import LISTINGS, content

OLD, NEW = RemoteFile("m/1/model.onnx", 3, "1"), RemoteFile("m/1/model.onnx", 3, "2")


class Crash(Exception):
    """The power fails."""


class Renames:
    """Renames until it crashes: at step `after`, before or after the rename."""

    def __init__(self, after: int, *, done: bool) -> None:
        self.left = after
        self.done = done

    def __call__(self, source: Path, target: Path) -> None:
        if self.left == 0 and not self.done:
            self.left = -1
            raise Crash
        source.rename(target)
        if self.left == 0:
            self.left = -1
            raise Crash
        self.left -= 1


def seen(tree: Path) -> dict[str, bytes]:
    return {str(path.relative_to(tree)): path.read_bytes() for path in tree.rglob("*") if path.is_file()}


def held(listing: Listing) -> dict[str, bytes]:
    return {path: content(file) for path, file in listing.items()}


def publish_all(shelf: Shelf, there: Listing, here: Listing) -> Listing:
    for plan in plans(there, here):
        for file in plan.fetch:
            write_whole(shelf.parts / file.key, content(file))
        here = shelf.publish(plan, here)
    return here


def assert_no_half_version(found: dict[str, bytes], before: Listing, after: Listing) -> None:
    """Each version's folder is as it was, as it is going to be, or away."""
    if is_one_model(before) or is_one_model(after):
        return
    old, new = folders(before), folders(after)
    for target in {*old, *new}:
        if re.search(r"/v?\d+$", target) or (target in old and target in new):
            inside = {path: data for path, data in found.items() if path.startswith(f"{target}/")}
            assert inside in [old.get(target), new.get(target), {}]


def folders(listing: Listing) -> dict[str, dict[str, bytes]]:
    found = {target: unit for target, unit in units(listing).items() if unit.is_folder}
    return {target: {file.path: content(file) for file in unit.files} for target, unit in found.items()}


@given(LISTINGS, LISTINGS, st.integers(0, 12), st.booleans())
def test_a_crash_at_any_step_shows_no_half_version_and_is_put_right_by_the_next_start(
    before: Any, after: Any, step: int, done: bool
) -> None:
    with TemporaryDirectory() as folder:
        home = Path(folder)
        tree = home / "tree" / "models"
        shelf = Shelf(home, tree)
        here = publish_all(shelf, before, shelf.recover())
        assert seen(tree) == held(before)
        try:
            publish_all(Shelf(home, tree, Renames(step, done=done)), after, here)
        except Crash:
            assert_no_half_version(seen(tree), before, after)
        again = Shelf(home, tree)
        assert publish_all(again, after, again.recover()) == after
        assert seen(tree) == held(after)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    made = Shelf(tmp_path, tmp_path / "tree" / "models")
    publish_all(made, {OLD.path: OLD}, made.recover())
    return made


def test_a_folder_that_somebody_made_where_one_is_to_come_does_not_keep_it_away(shelf: Shelf, tmp_path: Path) -> None:
    plan = plans({NEW.path: NEW}, {OLD.path: OLD})
    write_whole(shelf.parts / NEW.key, content(NEW))
    with pytest.raises(Crash):
        Shelf(tmp_path, shelf.tree, Renames(0, done=True)).publish(plan[0], {OLD.path: OLD})
    (shelf.tree / "m" / "1" / "by").mkdir(parents=True)
    assert shelf.recover() == {NEW.path: NEW}
    assert seen(shelf.tree) == {NEW.path: content(NEW)}


def test_a_file_that_was_damaged_on_disk_does_not_count_as_there(shelf: Shelf) -> None:
    assert shelf.recover() == {OLD.path: OLD}
    (shelf.tree / OLD.path).write_bytes(b"")
    assert not shelf.recover()


def test_a_record_that_cannot_be_read_is_none(shelf: Shelf, tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text("{")
    assert not shelf.recover()
    assert publish_all(shelf, {NEW.path: NEW}, {}) == {NEW.path: NEW}
    assert seen(shelf.tree) == {NEW.path: content(NEW)}


def test_what_was_not_laid_ready_whole_is_forgotten(shelf: Shelf, tmp_path: Path) -> None:
    (tmp_path / "ready").mkdir()
    (tmp_path / "ready" / "0").write_text("half")
    assert shelf.recover() == {OLD.path: OLD}
    assert not (tmp_path / "ready").exists()


def test_an_open_file_of_a_version_that_is_replaced_stays_readable(shelf: Shelf) -> None:
    with (shelf.tree / OLD.path).open("rb") as file:
        publish_all(shelf, {NEW.path: NEW}, {OLD.path: OLD})
        assert file.read() == content(OLD)
    assert seen(shelf.tree) == {NEW.path: content(NEW)}


def test_folders_that_hold_nothing_any_more_go_too(shelf: Shelf) -> None:
    other = RemoteFile("n/1/model.onnx", 3, "1")
    publish_all(shelf, {other.path: other}, {OLD.path: OLD})
    assert [child.name for child in shelf.tree.iterdir()] == ["n"]
