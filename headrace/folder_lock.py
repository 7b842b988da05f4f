"""A folder that one process has at a time: a lock in it, which says whose it is and ends with its process."""

import fcntl
import os
from pathlib import Path


class Taken(Exception):
    """Another process has the folder; `owner` is its process id as it was written, or "unknown"."""

    def __init__(self, owner: str) -> None:
        super().__init__(f"process {owner} has it")
        self.owner = owner


def take(folder: Path) -> int:
    """The descriptor of the lock, which is the caller's to close: then others may have the folder.

    Raises Taken where another process has it, OSError where there can be no such folder or lock.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.read(lock, 32).decode(errors="replace").strip() or "unknown"
        os.close(lock)
        raise Taken(owner) from None
    os.ftruncate(lock, 0)
    os.write(lock, str(os.getpid()).encode())
    return lock
