"""A small database that outlives the server; one that is damaged, or of another format, is set aside and begun anew."""

import errno
import logging
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)

ASIDE = ".aside"
_NO_FOLDER = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR)


def is_there(path: Path) -> bool:
    """Whether there is such a file or folder; one that the server's user may not look for is none."""
    try:
        return path.exists()
    except OSError:
        return False


def why_not_kept(error: Exception) -> str:
    """What who asked for something to be kept is told of this; "" where there can be no such folder, and this server
    keeps nothing at all."""
    return "" if isinstance(error, OSError) and error.errno in _NO_FOLDER else reason_of(error)


def reason_of(error: Exception) -> str:
    """What the system, or the database, says was wrong."""
    return getattr(error, "strerror", None) or str(error)


def open_database(file: Path | None, format_: int, tables: Sequence[str], what: str) -> sqlite3.Connection:
    """A connection for one thread at a time, the caller's to close; in memory where no file is given, or can be had.

    `tables` are statements that may be run again and again. `what` is kept there, as the log says it. Only the
    server's own user may read the file; what is deleted from it is overwritten.
    """
    if file is None:
        return _made(":memory:", format_, tables)
    try:
        return _opened(file, format_, tables, what)
    except (OSError, sqlite3.Error) as error:
        log.warning("%s is kept in memory only: %s: %s", what, file, error)
        return _made(":memory:", format_, tables)


class KeptDatabase:
    """The same in a file alone, opened when it is first needed and open until it is closed.

    Where it cannot be had, whoever needs it is told so each time, and the next time it is tried again. For one thread
    at a time.
    """

    def __init__(self, file: Path, format_: int, tables: Sequence[str], what: str) -> None:
        self.file = file
        self._format = format_
        self._tables = tables
        self._what = what
        self._database: sqlite3.Connection | None = None

    def opened(self) -> sqlite3.Connection:
        """Raises OSError or sqlite3.Error."""
        if self._database is None:
            self._database = _opened(self.file, self._format, self._tables, self._what)
        return self._database

    def begin_anew(self, why: Exception) -> None:
        """What was read of it is no good: it is set aside. Raises OSError."""
        log.warning("%s begins anew: %s: %s", self._what, self.file, why)
        self.close()
        set_aside(self.file, self.file.with_suffix(ASIDE))

    def close(self) -> None:
        """It is opened anew where it is needed once more."""
        if self._database is not None:
            self._database.close()
            self._database = None


def set_aside(file: Path, aside: Path) -> None:
    """Make room for a new database where one is no good; what SQLite wrote beside it goes along. Raises OSError."""
    file.replace(aside)
    for more in ("-wal", "-shm"):  # left behind, they would be taken for the new one's
        with suppress(FileNotFoundError):
            file.with_name(file.name + more).replace(aside.with_name(aside.name + more))


def _opened(file: Path, format_: int, tables: Sequence[str], what: str) -> sqlite3.Connection:
    """Raises OSError or sqlite3.Error."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file.touch(mode=0o600)
    try:
        return _made(str(file), format_, tables)
    except sqlite3.OperationalError:  # it is locked, or the disk takes nothing: what is there may be good
        raise
    except sqlite3.DatabaseError as error:
        log.warning("%s begins anew: %s: %s", what, file, error)
    set_aside(file, file.with_suffix(ASIDE))
    file.touch(mode=0o600)
    return _made(str(file), format_, tables)


def _made(place: str, format_: int, tables: Sequence[str]) -> sqlite3.Connection:
    database = sqlite3.connect(place, check_same_thread=False)
    try:
        database.execute("PRAGMA secure_delete = ON")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        (found,) = database.execute("PRAGMA user_version").fetchone()
        if found not in (0, format_):
            raise sqlite3.DatabaseError(f"it is of format {found}, not {format_}")
        with database:
            for statement in tables:
                database.execute(statement)
            database.execute(f"PRAGMA user_version = {format_}")
    except sqlite3.Error:
        database.close()
        raise
    return database
