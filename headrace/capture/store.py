"""Captured requests on disk, in one file that does not grow over its limit: the oldest go."""

import logging
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from headrace.capture.captured import Captured
from headrace.errors import Unavailable
from headrace.kept_database import open_database

log = logging.getLogger(__name__)

FORMAT = 1
FREED = 0.05  # of the limit, beyond it, at a time

_TABLE = """CREATE TABLE IF NOT EXISTS captured (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, model TEXT NOT NULL, version INTEGER NOT NULL,
    said BLOB NOT NULL)"""
_INDEX = "CREATE INDEX IF NOT EXISTS by_model ON captured (model, id)"
_decode = msgspec.msgpack.Decoder(Captured).decode
_encode = msgspec.msgpack.Encoder().encode


class Summary(msgspec.Struct, frozen=True):
    """What is kept of one version."""

    model: str
    version: str
    requests: int
    bytes: int
    oldest: float  # Unix time
    newest: float


class Store:
    """A database in a file that only its owner may read; in memory where there is none. All calls from one thread."""

    def __init__(self, file: Path | None, most_bytes: int) -> None:
        """One that is damaged, or of another format, is set aside."""
        self._most_bytes = most_bytes
        self._database = open_database(file, FORMAT, (_TABLE, _INDEX), "what is captured")
        self._num_bytes: int = self._database.execute("SELECT total(length(said)) FROM captured").fetchone()[0]

    def add(self, captured: Sequence[Captured]) -> int:
        """Keep these, and let the oldest go where there is no room; returns how many could not be written."""
        rows = [(each.at, each.model, each.version, _encode(each)) for each in captured]
        before = self._num_bytes
        try:
            with self._database as database:
                database.executemany("INSERT INTO captured (at, model, version, said) VALUES (?, ?, ?, ?)", rows)
                self._num_bytes += sum(len(said) for *_, said in rows)
                self._make_room()
        except sqlite3.Error as error:
            self._num_bytes = before  # as the file is again
            log.warning("%d captured requests are not kept: %s", len(rows), error)
            return len(rows)
        return 0

    def summaries(self) -> list[Summary]:
        """Of each version of which something is kept, by name and number."""
        rows = self._database.execute(
            "SELECT model, version, count(*), sum(length(said)), min(at), max(at) FROM captured "
            "GROUP BY model, version ORDER BY model, version"
        )
        return [Summary(model, str(version), *facts) for model, version, *facts in rows]

    def read(self, model: str, version: int | None, after: int, most: int) -> list[tuple[int, Captured]]:
        """At most so many of a model or one version of it, oldest first, from behind the one numbered `after`."""
        where, values = "model = ? AND id > ?", [model, after]
        if version is not None:
            where, values = f"{where} AND version = ?", [*values, version]
        rows = self._database.execute(
            f"SELECT id, said FROM captured WHERE {where} ORDER BY id LIMIT ?", [*values, most]
        )
        return [(number, _decode(said)) for number, said in rows]

    def remove(self, model: str) -> int:
        """Forget all of a model; returns how many that were. Nothing of them stays in the file.

        Raises Unavailable where the file cannot be written: all of them are there still.
        """
        try:
            with self._database as database:
                removed = database.execute("DELETE FROM captured WHERE model = ?", (model,)).rowcount
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            raise Unavailable(
                f"what is captured cannot be forgotten now: {error}; see to the disk and ask again"
            ) from None
        self._num_bytes = self._database.execute("SELECT total(length(said)) FROM captured").fetchone()[0]
        return removed

    def close(self) -> None:
        self._database.close()

    def _make_room(self) -> None:
        if self._num_bytes <= self._most_bytes:
            return
        goal, last = self._most_bytes * (1 - FREED), 0
        for number, length in self._oldest():
            self._num_bytes -= length
            last = number
            if self._num_bytes <= goal:
                break
        self._database.execute("DELETE FROM captured WHERE id <= ?", (last,))

    def _oldest(self) -> Iterator[tuple[int, int]]:
        yield from self._database.execute("SELECT id, length(said) FROM captured ORDER BY id").fetchall()
