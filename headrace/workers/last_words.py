"""What a child writes to its standard error: passed on to the server's own, and its last lines kept."""

import asyncio
import os
import re
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

KEPT_LINES = 40
KEPT_CHARACTERS = 240  # of a line
READ_BYTES = 1 << 16
FOLDERS = 4  # that a model's file may lie in: of its version, of the model, of the repository, and where that lies

_FOLDERS = re.compile(r"""(?<![\w./-])/(?:[^\s/:"'<>]+/)+""")  # of an absolute path, and of no address


class LastWords:
    """Owns a pipe. The writing end is the child's, and ours only until it has it."""

    def __init__(self, pass_on: Callable[[bytes], None] | None = None) -> None:
        self._pass_on = pass_on or _to_stderr
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._begun = b""  # a line of which the rest is yet to come
        self._reading, self.writing = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._reading, False)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._reading, self._read)
        self._open = True

    def given(self) -> None:
        """The child has its end: ours is closed."""
        os.close(self.writing)

    @property
    def text(self) -> str:
        """The last lines."""
        last = [self._begun] if self._begun else []
        return "\n".join([*self._lines, *map(_line, last)][-KEPT_LINES:])

    def close(self) -> None:
        """The child is gone: take what it left."""
        self._read()
        self._shut()

    def _read(self) -> None:
        with suppress(BlockingIOError):
            while self._open:
                written = os.read(self._reading, READ_BYTES)
                if not written:
                    self._shut()
                    break
                self._pass_on(written)
                *lines, self._begun = (self._begun + written).split(b"\n")
                self._begun = self._begun[-READ_BYTES:]
                self._lines.extend(map(_line, lines[-KEPT_LINES:]))
                if len(written) < READ_BYTES:
                    break

    def _shut(self) -> None:
        if self._open:
            self._open = False
            self._loop.remove_reader(self._reading)
            os.close(self._reading)


def placeless(text: str, path: Path | None = None) -> str:
    """The text for those whom it does not concern where files lie: of each absolute path, the last part.

    `path` is of a file whose folders may have names with spaces.
    """
    for folder in (path.parents if path is not None else ())[:FOLDERS]:
        text = text.replace(f"{folder}/", "") if folder.name else text
    return _FOLDERS.sub("", text)


def _line(line: bytes) -> str:
    return line[:KEPT_CHARACTERS].decode(errors="replace")


def _to_stderr(written: bytes) -> None:
    """A server whose standard error is gone goes on."""
    with suppress(OSError, ValueError):
        os.write(sys.stderr.fileno(), written)
