"""The change log keeps what it can, across starts, and goes on where it cannot."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headrace.changes.change_log import FORMAT, KEPT, ChangeLog, Store, Stored, Unkept
from headrace.changes.entries import Entry
from headrace.changes.series import Kept

NOT_TO_BE_LOOKED_FOR = Path("x" * 300)  # as a folder that is closed to the user
Stores = Callable[[Path | None], Store]


@pytest.fixture
def stores() -> Iterator[Stores]:
    """Makes stores, and closes them."""
    made: list[Store] = []

    def make(folder: Path | None) -> Store:
        made.append(Store(folder))
        return made[-1]

    yield make
    for store in made:
        store.close()


def entry(text: str = "it was moved", at: float = 10.0, model: str = "") -> Entry:
    return Entry(0, "upstream", model, "", at, "ops", text)


def test_where_nobody_may_look_nothing_is_kept(stores: Stores) -> None:
    assert stores(NOT_TO_BE_LOOKED_FOR).read() == Stored()


def test_lines_are_numbered_and_told_newest_first() -> None:
    log = ChangeLog()
    log.add(entry("b", at=20))
    log.add(entry("a", at=10))
    assert [(line.id, line.text) for line in log.of()] == [(1, "b"), (2, "a")]


def test_of_a_model_its_own_lines_and_the_servers_are_told() -> None:
    log = ChangeLog()
    for model in ("", "m", "n"):
        log.add(entry(model=model))
    assert [line.model for line in log.of("m")] == ["m", ""]
    assert log.of("m", since_s=11) == []


def test_only_so_many_are_held_and_what_never_was_saved_is_counted() -> None:
    log = ChangeLog()
    for _ in range(KEPT + 3):
        log.add(entry())
    assert len(log.of()) == KEPT
    assert log.dropped == {"full": 3}


def test_numbers_go_on_after_a_start(tmp_path: Path, stores: Stores) -> None:
    first = ChangeLog()
    first.add(entry("a"))
    assert stores(tmp_path).write(first.unsaved()) is None
    assert not first.has_unsaved
    second = ChangeLog()
    second.add(entry("early"))
    second.recall(stores(tmp_path).read().entries)
    second.add(entry("b"))
    assert sorted((line.id, line.text) for line in second.of()) == [(1, "a"), (2, "early"), (3, "b")]
    assert [line.text for line in second.unsaved()] == ["early", "b"]


def test_what_was_seen_and_facts_come_back(tmp_path: Path, stores: Stores) -> None:
    seen = {"m": Kept(b"1", b"2", [1], ["a"], 1)}
    stores(tmp_path).write([], seen, {"setting.x": "1"})
    stores(tmp_path).write([], {}, {"setting.x": "2"})
    stored = stores(tmp_path).read()
    assert (stored.seen, stored.facts) == ({}, {"setting.x": "2"})
    stores(tmp_path).write([], seen)
    assert stores(tmp_path).read().seen == seen


def test_hostile_words_come_back_as_they_were(tmp_path: Path, stores: Stores) -> None:
    words = "<script>'; DROP TABLE entries;-- \x00\x1b[31m\n\ud7ff"
    log = ChangeLog()
    log.add(entry(words))
    stores(tmp_path).write(log.unsaved())
    assert stores(tmp_path).read().entries[0].text == words


@pytest.mark.parametrize("damage", ["garbage", "newer"])
def test_what_cannot_be_read_is_set_aside(tmp_path: Path, stores: Stores, damage: str) -> None:
    file = tmp_path / "changes.db"
    if damage == "garbage":
        file.write_bytes(b"no database" * 1000)
    else:
        with sqlite3.connect(file) as database:
            database.execute(f"PRAGMA user_version = {FORMAT + 1}")
        database.close()
    store = stores(tmp_path)
    found = store.read()
    assert not (found.entries or found.seen or found.facts)
    assert (tmp_path / "changes.aside").exists()
    assert store.write([entry()]) is None


def test_without_a_folder_nothing_is_kept_and_nothing_fails(tmp_path: Path, stores: Stores) -> None:
    assert stores(None).read() == Stored()
    assert stores(None).write([entry()]) is None
    (tmp_path / "file").write_text("")
    assert stores(tmp_path / "file").write([entry()]) == Unkept("File exists")
