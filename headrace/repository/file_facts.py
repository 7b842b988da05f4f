"""What the disk says of a model's files without reading them: whether they changed, whether one is being written."""

import fcntl
import os
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

DEPTH = 5  # folders below a model's own: a version's, a SavedModel's, its variables'


class FileFact(NamedTuple):
    """One file as the disk has it. A change of content changes one of these, also where the time is set back.

    Of a folder only counts that it is there: what changes in it are its files.
    """

    path: str  # of a folder with a slash at its end
    size: int
    modified_ns: int
    changed_ns: int  # of content or attributes; no program can set it
    inode: int


Facts = tuple[FileFact, ...]


def facts_of(places: Iterable[Path]) -> Facts:
    """Every file at or below these places, by path; what is hidden, or vanishes meanwhile, is left out."""
    return tuple(fact for fact in facts_with_folders(places) if not fact.path.endswith("/"))


def facts_with_folders(places: Iterable[Path]) -> Facts:
    """The same with each folder below them: one that is empty has nothing else to be known by."""
    return tuple(sorted(fact for place in places for found in _below(str(place), DEPTH) if (fact := _fact(found))))


def being_written(facts: Facts) -> bool:
    """Whether some process has one of the files open for writing; False where the file system cannot tell."""
    return any(_has_writer(fact.path) for fact in facts)


def _below(place: str, depth: int) -> Iterator[str]:
    try:
        with os.scandir(place) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name == "__pycache__" or not depth:
                    continue
                if entry.is_dir():
                    yield f"{entry.path}/"
                    yield from _below(entry.path, depth - 1)
                else:
                    yield entry.path
    except NotADirectoryError:
        yield place
    except OSError:
        return  # whoever reads the model is going to say why


def _fact(path: str) -> FileFact | None:
    try:
        found = Path(path).stat()
    except OSError:
        return None
    if path.endswith("/"):
        return FileFact(path, 0, 0, 0, found.st_ino)
    return FileFact(path, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


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
