"""What loading models has shown, kept for the next start: a small database among what every start may use."""

import logging
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import msgspec

from headrace.kept_database import is_there
from headrace.memory.profiles import Profile

log = logging.getLogger(__name__)

FORMAT = 1
MOST = 5000
"""Profiles that are kept; those not written for longest go first."""

_TABLE = "CREATE TABLE IF NOT EXISTS profiles (key TEXT PRIMARY KEY, said TEXT NOT NULL)"


class ProfileStore:
    """A file of profiles by key, for any thread and for several servers; None: nothing is kept.

    One that is damaged, or of another format, is as if it were not there, and is written anew: whatever is in it can
    be found out again.
    """

    def __init__(self, folder: Path | None, most: int = MOST) -> None:
        self._most = most
        self._file = None if folder is None else folder / "profiles.db"

    def read(self) -> dict[str, Profile]:
        """All that is kept."""
        if self._file is None or not is_there(self._file):
            return {}
        try:
            with closing(sqlite3.connect(self._file)) as database:
                if database.execute("PRAGMA user_version").fetchone()[0] != FORMAT:
                    raise ValueError("it is of another format")
                rows = database.execute("SELECT key, said FROM profiles").fetchall()
            return {key: msgspec.json.decode(said, type=Profile) for key, said in rows}
        except (sqlite3.Error, ValueError) as error:
            log.warning("what models took in memory is found out anew: %s: %s", self._file, error)
            self._file.unlink(missing_ok=True)
            return {}

    def write(self, profiles: Mapping[str, Profile]) -> None:
        """Keep these too. A folder that cannot be written costs the next start its knowledge and nothing else."""
        if self._file is None or not profiles:
            return
        rows = [(key, msgspec.json.encode(profile).decode()) for key, profile in profiles.items()]
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with closing(sqlite3.connect(self._file)) as database, database:
                database.execute("PRAGMA journal_mode = WAL")
                database.execute(f"PRAGMA user_version = {FORMAT}")
                database.execute(_TABLE)
                database.executemany("INSERT OR REPLACE INTO profiles VALUES (?, ?)", rows)
                database.execute(
                    "DELETE FROM profiles WHERE rowid NOT IN (SELECT rowid FROM profiles ORDER BY rowid DESC LIMIT ?)",
                    (self._most,),
                )
        except (OSError, sqlite3.Error) as error:
            log.warning("what models took in memory is not kept for the next start: %s", error)
