"""A file of lines that begins anew when it is large enough, or when it was moved away."""

import contextlib
import os
from pathlib import Path


class LogFile:
    """Whole lines, behind one another; used by one thread. Raises OSError where it cannot be written.

    `path` is the newest, `path.1` the one before it, and so on, `keep` of them.
    """

    def __init__(self, path: Path, max_bytes: int, keep: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._keep = keep
        self._broken = False  # the last line is not whole
        self._open()

    def write(self, data: bytes) -> None:
        """Lines, which stay together; those that would make it too large begin the next file, where that can be had."""
        if self._size and self._size + len(data) > self._max_bytes:
            with contextlib.suppress(OSError):  # a folder that nobody may change is no reason to lose lines
                self._rotate()
        if self._broken:
            data = b"\n" + data
        view = memoryview(data)
        while view:
            try:
                written = os.write(self._file, view)
            except OSError:
                self._broken = self._broken or len(view) < len(data)
                raise
            self._size += written
            view = view[written:]
        self._broken = False

    def reopen(self) -> None:
        """Write to what now has the file's name."""
        before = self._file
        self._open()
        os.close(before)  # only now: where there is no new one, the old one is gone on with

    def _open(self) -> None:
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        self._size = os.fstat(self._file).st_size

    def _rotate(self) -> None:
        """The last name that is kept is overwritten, or where none is the file itself."""
        for number in range(self._keep, 0, -1):
            before = self._path if number == 1 else self._numbered(number - 1)
            if before.exists():
                before.replace(self._numbered(number))
        if not self._keep:
            os.truncate(self._file, 0)
        self.reopen()

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")
