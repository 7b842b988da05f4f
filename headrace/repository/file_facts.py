"""What the disk says of a model's files without reading them: whether they changed, whether one is being written."""

import fcntl
import os
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

DEPTH = 5  # folders below a model's own: a version's, a SavedModel's, its variables'


class FileFact(NamedTuple):
    """One file as the disk has it. A change of content changes one of these, also where the time is set back."""

    path: str
    size: int
    modified_ns: int
    changed_ns: int  # of content or attributes; no program can set it
    inode: int


Facts = tuple[FileFact, ...]


def facts_of(places: Iterable[Path]) -> Facts:
    """Every file at or below these places, by path; what is hidden, or vanishes meanwhile, is left out."""
    return tuple(sorted(fact for place in places for file in _files(str(place), DEPTH) if (fact := _fact(file))))


def being_written(facts: Facts) -> bool:
    """Whether some process has one of the files open for writing; False where the file system cannot tell."""
    return any(_has_writer(fact.path) for fact in facts)


def _files(place: str, depth: int) -> Iterator[str]:
    try:
        with os.scandir(place) as entries:
            for entry in entries:
                if not entry.name.startswith(".") and entry.name != "__pycache__" and depth:
                    yield from _files(entry.path, depth - 1) if entry.is_dir() else (entry.path,)
    except NotADirectoryError:
        yield place
    except OSError:
        return  # whoever reads the model is going to say why


def _fact(file: str) -> FileFact | None:
    try:
        found = Path(file).stat()
    except OSError:
        return None
    return FileFact(file, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def _has_writer(file: str) -> bool:
    """A lease for reading is given only where nobody writes; it is given back at once."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)  # told to a lease's owner; by itself it does nothing
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:
        return False  # no leases here, or another user's file
    finally:
        os.close(descriptor)
    return False
