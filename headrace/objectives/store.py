"""What was counted, and who is not to be told, kept for the next start: a small database in the state's folder."""

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from headrace.kept_database import set_aside
from headrace.objectives.budget import BUCKETS, Bucket
from headrace.objectives.counts import Saved
from headrace.objectives.silences import Silence

FORMAT = 1
FILE = "objectives.db"

_TABLES = """
CREATE TABLE IF NOT EXISTS counts (
    model TEXT, objective TEXT, width_s REAL, start_s REAL, good INTEGER NOT NULL, bad INTEGER NOT NULL,
    PRIMARY KEY (model, objective, width_s, start_s)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS silences (id TEXT PRIMARY KEY, said TEXT NOT NULL) WITHOUT ROWID;
"""


class Store:
    """For any thread, one at a time. A database that is damaged, or of a newer headrace, is set aside."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / FILE

    def read(self) -> tuple[list[Saved], list[Silence]]:
        """All that is kept. Raises OSError, sqlite3.Error or ValueError where it is no good; then it is set aside."""
        if not self.file.exists():
            return [], []
        try:
            return self._read()
        except (sqlite3.Error, ValueError):
            set_aside(self.file, self.file.with_name(f"{FILE}.aside"))
            raise

    def write(self, counts: Sequence[Saved], silences: Iterable[Silence], now_s: float) -> None:
        """Keep these counts too, and these silences alone. Raises OSError or sqlite3.Error."""
        self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        rows = [(model, objective, width_s, *bucket) for model, objective, width_s, bucket in counts]
        said = [(each.id, msgspec.json.encode(each).decode()) for each in silences]
        with closing(sqlite3.connect(self.file)) as database, database:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute(f"PRAGMA user_version = {FORMAT}")
            for statement in filter(str.strip, _TABLES.split(";")):
                database.execute(statement)
            database.executemany("INSERT OR REPLACE INTO counts VALUES (?, ?, ?, ?, ?, ?)", rows)
            database.execute("DELETE FROM counts WHERE start_s < ? - (? + 1) * width_s", (now_s, BUCKETS))
            database.execute("DELETE FROM silences")
            database.executemany("INSERT INTO silences VALUES (?, ?)", said)

    def _read(self) -> tuple[list[Saved], list[Silence]]:
        with closing(sqlite3.connect(self.file)) as database:
            if database.execute("PRAGMA user_version").fetchone()[0] != FORMAT:
                raise ValueError("it was written by another headrace")
            rows = database.execute("SELECT model, objective, width_s, start_s, good, bad FROM counts").fetchall()
            said = database.execute("SELECT said FROM silences").fetchall()
        counts = [(model, objective, width_s, Bucket(*bucket)) for model, objective, width_s, *bucket in rows]
        return counts, [msgspec.json.decode(each, type=Silence) for (each,) in said]
