"""What requests said of models, kept for the next start: a small database in a folder of its own."""

import hashlib
import logging
import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import msgspec

from headrace.errors import SettingInvalid
from headrace.folder_lock import Taken, take
from headrace.kept_database import is_there, reason_of, set_aside, why_not_kept
from headrace.models.wishes import Wishes, kept_wishes

log = logging.getLogger(__name__)

FORMAT = 1
_TABLE = "CREATE TABLE IF NOT EXISTS wishes (model TEXT PRIMARY KEY, said TEXT NOT NULL) WITHOUT ROWID"


def state_folder(said: str, environment: Mapping[str, str], repository: Path) -> Path | None:
    """Where a server of this repository keeps its state; None where there is no home for it."""
    if said:
        return Path(said)
    kept, home = environment.get("XDG_STATE_HOME", ""), environment.get("HOME", "")
    root = Path(kept) if Path(kept).is_absolute() else Path(home) / ".local" / "state"
    digest = hashlib.blake2b(os.fsencode(repository), digest_size=8).hexdigest()
    return root / "headrace" / digest if root.is_absolute() else None


class State:
    """One server's state; whoever reads it first, or changes it, takes the folder for this process."""

    def __init__(self, folder: Path | None) -> None:
        """Without a folder nothing is kept."""
        self._folder = folder
        self._lock: int | None = None

    def take(self) -> None:
        """Have the folder for this process. Raises SettingInvalid, which names the process, where another server has
        it; where there can be no such folder it is logged, and nothing is kept."""
        if self._folder is not None:
            try:
                self._take(self._folder)
            except BlockingIOError as error:
                raise SettingInvalid(str(error), "state.dir") from None
            except OSError as error:
                log.warning("what requests say of models is not kept for the next start: %s", error)

    def read(self) -> dict[str, Wishes]:
        """What was kept of each model. A database that is damaged, or newer than this program, is set aside."""
        if self._folder is None or not is_there(self._file):
            return {}
        try:
            self._take(self._folder)
        except OSError as error:
            log.warning("what requests say of models is not kept for the next start: %s", error)
        try:
            return self.look()
        except (sqlite3.Error, ValueError) as error:
            if self._lock is None:
                log.warning("the state in %s cannot be read: %s", self._folder, error)
                return {}
            aside = self._file.with_name(f"{self._file.name}.aside")
            log.warning("the state in %s is set aside as %s: %s", self._folder, aside.name, error)
            try:
                set_aside(self._file, aside)
            except OSError as failure:
                log.warning("the state cannot be set aside: %s", failure)
            return {}

    def look(self) -> dict[str, Wishes]:
        """As `read`, but raises sqlite3.Error or ValueError for a database that is no good, and leaves it.

        One without any table keeps nothing: a full disk leaves it so.
        """
        if self._folder is None or not is_there(self._file):
            return {}
        with closing(sqlite3.connect(self._file)) as database:
            if database.execute("PRAGMA user_version").fetchone()[0] > FORMAT:
                raise ValueError("it was written by a newer headrace")
            if not database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                return {}
            rows = database.execute("SELECT model, said FROM wishes").fetchall()
        return {model: msgspec.json.decode(said, type=Wishes) for model, said in rows}

    def reset(self) -> bool:
        """Forget everything; returns whether there was anything. Raises OSError where a server has it."""
        if self._folder is None or not self._folder.exists():
            return False
        self._take(self._folder)
        found = [path for path in self._folder.glob("state.db*") if path.suffix != ".aside"]
        for path in found:
            path.unlink()
        return bool(found)

    def keep(self, name: str, wishes: Wishes) -> str:
        """On disk once this returns "", or where nothing is kept at all: there is no folder, and can be none.

        Else why it is not there, which is logged too: this server goes on by it all the same.
        """
        if self._folder is None:
            return ""
        said = kept_wishes(wishes)
        try:
            self._take(self._folder)
            with closing(sqlite3.connect(self._file)) as database, database:
                database.execute(f"PRAGMA user_version = {FORMAT}")
                database.execute(_TABLE)
                if said == Wishes():
                    database.execute("DELETE FROM wishes WHERE model = ?", (name,))
                else:
                    row = (name, msgspec.json.encode(said).decode())
                    database.execute("INSERT OR REPLACE INTO wishes VALUES (?, ?)", row)
        except (OSError, sqlite3.Error) as error:
            log.warning("what was said of %s is not kept for the next start: %s", name, error)
            return why_not_kept(error) if self._lock is None else reason_of(error)
        return ""

    def close(self) -> None:
        """Let another server have the folder."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @property
    def _file(self) -> Path:
        assert self._folder is not None
        return self._folder / "state.db"

    def _take(self, folder: Path) -> None:
        """Raises OSError where another server has it, a BlockingIOError, or there can be no such folder."""
        if self._lock is None:
            try:
                self._lock = take(folder)
            except Taken as taken:
                told = f"process {taken.owner} keeps its state in {folder}; end that server, or give this one another"
                raise BlockingIOError(told) from None
