"""Points on disk: kept, brought together, forgotten, and never too many."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from headrace.history.levels import HOURS, MINUTES, RAW
from headrace.history.point import Point
from headrace.history.store import Store
from headrace.types import ModelVersion

VERSION, OTHER = ModelVersion("m", 1), ModelVersion("idle", 1)
NOW = 1_000_000_800  # a whole hour


@pytest.fixture
def made() -> Iterator[Callable[..., Store]]:
    """Makes stores that are closed at the end."""
    stores: list[Store] = []

    def make(file: Path | None = None, **limits: int) -> Store:
        stores.append(Store(file, **limits))
        return stores[-1]

    yield make
    for store in stores:
        store.close()


Made = Callable[..., Store]


def _filled(store: Store, first: int, steps: int) -> None:
    for at in range(first, first + steps * RAW.step_s, RAW.step_s):
        store.add(at, [(VERSION, Point(requests=1, took=((3, 1),)))])


def test_what_is_kept_is_there_at_the_next_start(made: Made, tmp_path: Path) -> None:
    store = made(tmp_path / "kept" / "history.db")
    store.add(1000, [(VERSION, Point(requests=2)), (ModelVersion("m", 2), Point(requests=5))])
    store.close()
    again = made(tmp_path / "kept" / "history.db")
    assert again.read(RAW, 1000, 1001, "m", 2) == [(1000, ModelVersion("m", 2), Point(requests=5))]
    assert [point.requests for _, _, point in again.read(RAW, 0, 1001, "m", None)] == [2, 5]
    assert again.read(RAW, 0, 1000, "m", None) == []


def test_steps_that_are_over_are_brought_together_once(made: Made) -> None:
    store, start = made(), NOW
    _filled(store, start, 24)
    for now in (start + 120, start + 125):
        store.roll(now)
    minutes = store.read(MINUTES, 0, NOW * 2, "m", None)
    assert [(at - start, point.requests) for at, _, point in minutes] == [(0, 12), (60, 12)]
    store.roll(start + 3600)
    ((at, _, point),) = store.read(HOURS, 0, NOW * 2, "m", None)
    assert (at, point.requests, point.took) == (start, 24, ((3, 24),))


def test_a_start_after_a_while_brings_together_what_was_left(made: Made, tmp_path: Path) -> None:
    start = NOW
    store = made(tmp_path / "h.db")
    _filled(store, start, 12)
    store.close()
    again = made(tmp_path / "h.db")
    again.roll(start + 3 * 3600)
    assert [point.requests for _, _, point in again.read(HOURS, 0, NOW * 2, "m", None)] == [12]


def test_a_clock_that_was_ahead_and_is_set_back_does_not_end_the_history(made: Made, tmp_path: Path) -> None:
    store = made(tmp_path / "h.db")
    year_s = 365 * 86_400
    _filled(store, NOW + year_s, 12)
    store.roll(NOW + year_s + 3600)
    store.close()
    again = made(tmp_path / "h.db")
    _filled(again, NOW, 12)
    again.roll(NOW + 60)
    again.roll(NOW + 3600)
    assert [point.requests for _, _, point in again.read(MINUTES, NOW, NOW + 3600, "m", None)] == [12]
    assert [point.requests for _, _, point in again.read(HOURS, NOW, NOW + 3600, "m", None)] == [12]


def test_what_is_too_old_is_forgotten_level_by_level(made: Made) -> None:
    store = made()
    _filled(store, NOW, 12)
    store.roll(NOW + RAW.kept_s + 120)
    assert store.read(RAW, 0, NOW * 2, "m", None) == []
    assert store.read(MINUTES, 0, NOW * 2, "m", None)
    store.roll(NOW + MINUTES.kept_s + 3600)
    assert store.read(MINUTES, 0, NOW * 2, "m", None) == []
    assert store.read(HOURS, 0, NOW * 2, "m", None)


def test_over_the_limit_the_least_busy_lose_their_finest_steps_first(made: Made) -> None:
    store = made(most_bytes=300_000)
    reasons = {f"reason {number}": 1 for number in range(20)}
    for step in range(1500):
        at = NOW + step * RAW.step_s
        store.add(at, [(VERSION, Point(requests=9, reasons=reasons))])
        if step % 2:
            store.add(at, [(OTHER, Point(requests=1))])
    store.roll(NOW + 900)
    assert store.size_bytes() <= 300_000
    assert not store.read(RAW, 0, NOW * 2, "idle", None)
    assert store.read(RAW, 0, NOW * 2, "m", None)
    assert store.read(MINUTES, 0, NOW * 2, "idle", None)


def test_a_damaged_file_is_set_aside(made: Made, tmp_path: Path) -> None:
    file = tmp_path / "h.db"
    file.write_bytes(b"no database" * 1000)
    store = made(file)
    store.add(5, [(VERSION, Point(requests=1))])
    assert store.read(RAW, 0, 9, "m", None)
    assert file.with_suffix(".aside").exists()


def test_a_newer_file_is_set_aside(made: Made, tmp_path: Path) -> None:
    file = tmp_path / "h.db"
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA user_version = 99")
    made(file).close()
    assert file.with_suffix(".aside").exists()


def test_a_disk_that_takes_nothing_is_told_once_and_counted(
    made: Made, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = made(tmp_path / "h.db")
    store._database.execute("PRAGMA query_only = ON")
    for at in (5, 10):
        store.add(at, [(VERSION, Point(requests=1))])
    assert store.lost == 2
    assert len(caplog.records) == 1


def test_without_a_folder_it_is_kept_in_memory(made: Made, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = made(tmp_path / "file" / "h.db")
    store.add(5, [(VERSION, Point(requests=1))])
    assert store.read(RAW, 0, 9, "m", None)
