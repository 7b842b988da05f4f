"""What is kept is there at the next start; what is damaged is set aside."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from headrace.objectives.budget import Bucket
from headrace.objectives.silences import Silence
from headrace.objectives.store import Store

NOW = 1_700_000_000.0
COUNTS = [("m", "availability", 5.0, Bucket(NOW - 10, 7, 3)), ("m", "p99_ms", 60.0, Bucket(NOW - 60, 1, 0))]
SILENCE = Silence("1-1", {"model": "m"}, NOW + 60, "it is <known>\n", NOW)


Stores = Callable[[Path], Store]


@pytest.fixture
def stores() -> Iterator[Stores]:
    """Makes stores, and closes them."""
    made: list[Store] = []

    def make(folder: Path) -> Store:
        made.append(Store(folder))
        return made[-1]

    yield make
    for store in made:
        store.close()


def test_what_was_written_is_read(tmp_path: Path, stores: Stores) -> None:
    first = stores(tmp_path / "state")
    first.write(COUNTS, [SILENCE], NOW)
    first.close()
    assert stores(tmp_path / "state").read() == (COUNTS, [SILENCE])


def test_without_a_file_there_is_nothing(tmp_path: Path, stores: Stores) -> None:
    assert stores(tmp_path).read() == ([], [])


def test_a_bucket_that_grew_takes_its_own_place(tmp_path: Path, stores: Stores) -> None:
    store = stores(tmp_path)
    store.write(COUNTS, [SILENCE], NOW)
    store.write([("m", "availability", 5.0, Bucket(NOW - 10, 9, 3))], [], NOW)
    counts, silences = store.read()
    assert [bucket.good for *_, bucket in counts] == [9, 1]
    assert silences == []


def test_what_is_out_of_its_window_is_deleted(tmp_path: Path, stores: Stores) -> None:
    store = stores(tmp_path)
    store.write(COUNTS, [], NOW)
    store.write([], [], NOW + 600)
    assert [width for _, _, width, _ in store.read()[0]] == [60.0]


def test_a_damaged_file_is_set_aside(tmp_path: Path, stores: Stores) -> None:
    store = stores(tmp_path)
    store.file.write_bytes(b"this is no database at all, and long enough to be seen as none")
    assert store.read() == ([], [])
    assert store.file.with_suffix(".aside").exists()
    store.write(COUNTS, [], NOW)
    assert store.read() == (COUNTS, [])


def test_one_of_another_headrace_is_set_aside(tmp_path: Path, stores: Stores) -> None:
    store = stores(tmp_path)
    with closing(sqlite3.connect(store.file)) as database:
        database.execute("PRAGMA user_version = 99")
    assert store.read() == ([], [])
    assert store.file.with_suffix(".aside").exists()
