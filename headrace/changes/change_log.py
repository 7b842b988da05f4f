"""What changed, kept across starts: the latest lines in memory, and all that there is room for in a small database."""

import logging
import sqlite3
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from headrace.changes.entries import Entry
from headrace.changes.series import Kept
from headrace.kept_database import KeptDatabase, is_there, why_not_kept

log = logging.getLogger(__name__)

FORMAT = 1
KEPT = 2000
"""Lines in memory, which are the ones that are answered with."""

STORED = 10_000
"""Lines on disk."""

_TABLES = (
    "CREATE TABLE IF NOT EXISTS entries (id INTEGER PRIMARY KEY, said TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS seen (model TEXT PRIMARY KEY, said BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, said TEXT NOT NULL) WITHOUT ROWID",
)
_DAMAGED = (sqlite3.Error, OSError, ValueError, msgspec.MsgspecError)


class Stored(msgspec.Struct, frozen=True):
    """What an earlier start left."""

    entries: Sequence[Entry] = ()
    seen: Mapping[str, Kept] = {}
    facts: Mapping[str, str] = {}


class Unkept(msgspec.Struct, frozen=True):
    """Lines that are not on disk; `why` is for who asked for one, and empty where nothing is ever kept."""

    why: str


class ChangeLog:
    """The lines. Changed on one thread, which never waits for a disk: `store` and `save` are for another one."""

    def __init__(self) -> None:
        self.dropped: Counter[str] = Counter()  # lines that did not get to the disk, by why
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._unsaved: deque[Entry] = deque(maxlen=KEPT)
        self._next = 1

    def add(self, entry: Entry) -> Entry:
        """Returns it as it is kept, with its number."""
        kept = msgspec.structs.replace(entry, id=self._next)
        self._next += 1
        self._entries.append(kept)
        if len(self._unsaved) == KEPT:
            self.dropped["full"] += 1
        self._unsaved.append(kept)
        return kept

    def of(self, model: str | None = None, since_s: float = 0.0) -> list[Entry]:
        """Newest first; with a model those of it and of the whole server."""
        found = [
            entry for entry in self._entries if entry.at >= since_s and (model is None or entry.model in ("", model))
        ]
        return sorted(found, key=lambda entry: (entry.at, entry.id), reverse=True)

    def recall(self, entries: Sequence[Entry]) -> None:
        """Put those of an earlier start before those of this one."""
        now = list(self._entries)
        self._next = max((entry.id for entry in entries), default=0) + 1
        self._entries = deque(entries, maxlen=KEPT)
        self._unsaved.clear()
        for entry in now:
            self.add(entry)

    @property
    def has_unsaved(self) -> bool:
        return bool(self._unsaved)

    def unsaved(self) -> list[Entry]:
        """Those that are to go to the disk, which counts as done."""
        lines = list(self._unsaved)
        self._unsaved.clear()
        return lines


class Store:
    """The database. No call raises: without a disk the server goes on. For one thread at a time."""

    def __init__(self, folder: Path | None) -> None:
        """Without a folder nothing is kept."""
        self._kept = KeptDatabase(folder / "changes.db", FORMAT, _TABLES, "what changed") if folder else None
        self._told = False

    def read(self) -> Stored:
        """What there is; a database that is damaged, or of another format, is set aside."""
        if self._kept is None or not is_there(self._kept.file):
            return Stored()
        try:
            database = self._kept.opened()
            lines = database.execute("SELECT said FROM entries ORDER BY id DESC LIMIT ?", (KEPT,)).fetchall()
            seen = database.execute("SELECT model, said FROM seen").fetchall()
            facts = dict(database.execute("SELECT name, said FROM facts").fetchall())
            entries = [msgspec.json.decode(said, type=Entry) for (said,) in reversed(lines)]
            kept = {model: msgspec.msgpack.decode(said, type=Kept) for model, said in seen}
            return Stored(entries, kept, facts)
        except sqlite3.OperationalError as error:
            log.warning("what changed before cannot be read: %s", error)
        except _DAMAGED as error:
            self._begin_anew(self._kept, error)
        return Stored()

    def write(
        self, entries: Sequence[Entry], seen: Mapping[str, Kept] | None = None, facts: Mapping[str, str] | None = None
    ) -> Unkept | None:
        """On disk once this returns None. `seen` takes the place of all that was seen before."""
        if self._kept is None:
            return None
        try:
            with self._kept.opened() as database:
                said = [(entry.id, msgspec.json.encode(entry).decode()) for entry in entries]
                database.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?)", said)
                database.execute("DELETE FROM entries WHERE id <= (SELECT max(id) FROM entries) - ?", (STORED,))
                if seen is not None:
                    database.execute("DELETE FROM seen")
                    rows = [(model, msgspec.msgpack.encode(kept)) for model, kept in seen.items()]
                    database.executemany("INSERT INTO seen VALUES (?, ?)", rows)
                database.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", list((facts or {}).items()))
        except _DAMAGED as error:
            if not self._told:
                log.warning("what changed is not kept for the next start: %s", error)
            self._told = True
            return Unkept(why_not_kept(error))
        self._told = False
        return None

    def close(self) -> None:
        if self._kept is not None:
            self._kept.close()

    def _begin_anew(self, kept: KeptDatabase, error: Exception) -> None:
        try:
            kept.begin_anew(error)
        except OSError as failure:
            log.warning("it cannot be set aside: %s", failure)
