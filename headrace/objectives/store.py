"""What was counted, and who is not to be told, kept for the next start: a small database in the state's folder."""

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from headrace.kept_database import KeptDatabase
from headrace.objectives.budget import BUCKETS, Bucket
from headrace.objectives.counts import Saved
from headrace.objectives.silences import Silence

FORMAT = 1
FILE = "objectives.db"

_TABLES = (
    """CREATE TABLE IF NOT EXISTS counts (
    model TEXT, objective TEXT, width_s REAL, start_s REAL, good INTEGER NOT NULL, bad INTEGER NOT NULL,
    PRIMARY KEY (model, objective, width_s, start_s)
) WITHOUT ROWID""",
    "CREATE TABLE IF NOT EXISTS silences (id TEXT PRIMARY KEY, said TEXT NOT NULL) WITHOUT ROWID",
)


class Store:
    """For any thread, one at a time. A database that is damaged, or of another format, is set aside."""

    def __init__(self, folder: Path) -> None:
        self._kept = KeptDatabase(folder / FILE, FORMAT, _TABLES, "what is left of error budgets")

    @property
    def file(self) -> Path:
        return self._kept.file

    def read(self) -> tuple[list[Saved], list[Silence]]:
        """All that is kept; nothing where that is no good. Raises OSError or sqlite3.Error where it cannot be read."""
        if not self.file.exists():
            return [], []
        try:
            return self._read()
        except sqlite3.OperationalError:
            raise
        except (sqlite3.DatabaseError, msgspec.MsgspecError) as error:
            self._kept.begin_anew(error)
            return [], []

    def write(self, counts: Sequence[Saved], silences: Iterable[Silence], now_s: float) -> None:
        """Keep these counts too, and these silences alone. Raises OSError or sqlite3.Error."""
        rows = [(model, objective, width_s, *bucket) for model, objective, width_s, bucket in counts]
        said = [(each.id, msgspec.json.encode(each).decode()) for each in silences]
        with self._kept.opened() as database:
            database.executemany("INSERT OR REPLACE INTO counts VALUES (?, ?, ?, ?, ?, ?)", rows)
            database.execute("DELETE FROM counts WHERE start_s < ? - (? + 1) * width_s", (now_s, BUCKETS))
            database.execute("DELETE FROM silences")
            database.executemany("INSERT INTO silences VALUES (?, ?)", said)

    def close(self) -> None:
        self._kept.close()

    def _read(self) -> tuple[list[Saved], list[Silence]]:
        database = self._kept.opened()
        rows = database.execute("SELECT model, objective, width_s, start_s, good, bad FROM counts").fetchall()
        said = database.execute("SELECT said FROM silences").fetchall()
        counts = [(model, objective, width_s, Bucket(*bucket)) for model, objective, width_s, *bucket in rows]
        return counts, [msgspec.json.decode(each, type=Silence) for (each,) in said]
