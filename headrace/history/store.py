"""Points on disk: one small database, written by one thread, that never grows over its limit."""

import logging
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from headrace.history.levels import HOURS, LEVELS, MINUTES, RAW, Level, finished
from headrace.history.point import Point, merged
from headrace.kept_database import open_database
from headrace.types import ModelVersion

log = logging.getLogger(__name__)

FORMAT = 1
MOST_BYTES = 200 << 20
FREED = 0.05
"""Of the limit, that is given up beyond it at a time: so that not every write has to make room."""

_TABLE = """CREATE TABLE IF NOT EXISTS points (
    level INTEGER NOT NULL, at INTEGER NOT NULL, model TEXT NOT NULL, version INTEGER NOT NULL, said BLOB NOT NULL,
    PRIMARY KEY (level, at, model, version)) WITHOUT ROWID"""
_INSERT = "INSERT OR REPLACE INTO points VALUES (?, ?, ?, ?, ?)"
_decode = msgspec.msgpack.Decoder(Point).decode
_encode = msgspec.msgpack.Encoder().encode

Row = tuple[int, ModelVersion, Point]
"""When the step began, whose it is, and what was done in it."""


class Store:
    """A database of points in a file, or in memory where there is none. All calls from one thread.

    Where it cannot be written nothing is kept, which is told once, and counted in `lost`.
    """

    def __init__(self, file: Path | None, most_bytes: int = MOST_BYTES) -> None:
        self.lost = 0  # points that could not be written
        self._most_bytes = most_bytes
        self._database = open_database(file, FORMAT, (_TABLE,), "the history")
        self._told = False
        self._rolled: dict[int, int] = {}  # the newest step of each level that was brought together

    def add(self, at_s: int, points: Iterable[tuple[ModelVersion, Point]]) -> None:
        """Keep the points of one of the finest steps."""
        rows = [(RAW.number, at_s, of.name, of.version, _encode(point)) for of, point in points]
        with self._writing(len(rows)) as database:
            database.executemany(_INSERT, rows)

    def roll(self, now_s: float) -> None:
        """Bring together steps that are over, as the coarser levels have them, and forget what is too old."""
        with self._writing(0) as database:
            for finer, coarser in ((RAW, MINUTES), (MINUTES, HOURS)):
                for start in finished(self._last(coarser, now_s), now_s, coarser):
                    self._bring_together(finer, coarser, start)
                    self._rolled[coarser.number] = start
            for level in LEVELS:
                database.execute(
                    "DELETE FROM points WHERE level = ? AND at < ?", (level.number, int(now_s) - level.kept_s)
                )
            self._make_room()

    def read(self, level: Level, since_s: float, until_s: float, model: str, version: int | None) -> list[Row]:
        """What is kept of a model, or of one version of it, oldest first."""
        where, values = "level = ? AND at >= ? AND at < ? AND model = ?", [level.number, since_s, until_s, model]
        if version is not None:
            where, values = f"{where} AND version = ?", [*values, version]
        try:
            rows = self._database.execute(f"SELECT at, model, version, said FROM points WHERE {where}", values)
            return [(at, ModelVersion(name, number), _decode(said)) for at, name, number, said in rows]
        except (sqlite3.Error, msgspec.DecodeError) as error:
            log.warning("the history cannot be read: %s", error)
            return []

    def size_bytes(self) -> int:
        """What is in use of the file."""
        pages, free, size = (
            self._database.execute(f"PRAGMA {what}").fetchone()[0]
            for what in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)

    def close(self) -> None:
        self._database.close()

    @contextmanager
    def _writing(self, points: int) -> Iterator[sqlite3.Connection]:
        try:
            with self._database:
                yield self._database
        except sqlite3.Error as error:
            self.lost += points
            if not self._told:
                log.warning("the history is not kept: %s", error)
            self._told = True
        else:
            self._told = False

    def _last(self, level: Level, now_s: float) -> int | None:
        """The newest step of a level; where it has none, as if the one before the oldest finer one were it.

        What is not yet was kept while the clock was ahead: what came since is brought together all the same.
        """
        if (done := self._rolled.get(level.number)) is not None:
            return done
        last: int | None
        (last,) = self._database.execute(
            "SELECT max(at) FROM points WHERE level = ? AND at < ?", (level.number, now_s)
        ).fetchone()
        if last is None:
            (first,) = self._database.execute("SELECT min(at) FROM points WHERE level < ?", (level.number,)).fetchone()
            last = None if first is None else first // level.step_s * level.step_s - level.step_s
        return last

    def _bring_together(self, finer: Level, coarser: Level, start: int) -> None:
        found: defaultdict[tuple[str, int], list[Point]] = defaultdict(list)
        rows = self._database.execute(
            "SELECT model, version, said FROM points WHERE level = ? AND at >= ? AND at < ?",
            (finer.number, start, start + coarser.step_s),
        )
        for name, version, said in rows:
            found[name, version].append(_decode(said))
        values = [(coarser.number, start, *whose, _encode(merged(points))) for whose, points in found.items()]
        self._database.executemany(_INSERT, values)

    def _make_room(self) -> None:
        """Over the limit, steps go: the finest first, of the least busy models first, the oldest of these first."""
        if self.size_bytes() <= self._most_bytes:
            return
        goal = self._most_bytes * (1 - FREED)
        for level in LEVELS:
            models = self._database.execute(
                "SELECT model FROM points WHERE level = ? GROUP BY model ORDER BY sum(length(said)), model",
                (level.number,),
            ).fetchall()
            for (model,) in models:
                if self._shorten(level, model, goal):
                    return

    def _shorten(self, level: Level, model: str, goal: float) -> bool:
        """Forget a model's older half of a level again and again, until that is enough; whether it was."""
        while self.size_bytes() > goal:
            steps = self._database.execute(
                "SELECT at FROM points WHERE level = ? AND model = ? GROUP BY at ORDER BY at", (level.number, model)
            ).fetchall()
            if not steps:
                return False
            (newest,) = steps[len(steps) // 2]
            self._database.execute(
                "DELETE FROM points WHERE level = ? AND model = ? AND at <= ?", (level.number, model, newest)
            )
        return True
