"""Lines on their way to a file or to standard error, by a thread: no disk and no reader holds up a request."""

import logging
import os
import re
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path

from headrace.errors import SettingInvalid
from headrace.observe.log_file import LogFile

log = logging.getLogger(__name__)

MOST_WAITING = 16_384  # entries
MOST_BYTES = 16 << 20  # of text that waits
TAIL = 500  # lines that are kept for whoever asks
TAIL_WIDTH = 2000  # characters of each
TOGETHER_S = 0.25  # that lines yet to be made wait for others: each time the thread runs, it holds up the event loop's
TOGETHER_BYTES = 1 << 16  # of text, about, that are written at once
REST_S = 0.001  # between two lots of lines that are made: meanwhile those who answer requests have the interpreter
GOODBYE_S = 1.0  # that what still waits has to be written at the end

_STANDARD_ERROR = 2
_COLOUR = re.compile("\x1b\\[[0-9;]*m")

Made = Callable[[], list[str]]
"""Makes lines, on the writer's thread."""


class LogWriter:
    """Takes lines from any thread and returns at once; what there is no room for, or cannot be written, is counted.

    Owns its thread, which ends with `close`. It stands where `logging` has a stream, therefore `write` and `flush`.
    """

    def __init__(self, target: "LogFile | int") -> None:
        """`target` is a file, or the number of a descriptor that stays open."""
        self.dropped: Counter[str] = Counter()  # lines, by reason: full, disk, fault
        self._target = target
        self._tail: deque[tuple[str, int]] = deque()  # what was written last, each with how many lines that is
        self._waiting: deque[str | tuple[int, Made]] = deque()
        self._waiting_bytes = 0
        self._some = threading.Event()
        self._now = threading.Event()  # not only lines that are yet to be made
        self._closing = False
        self._reopen = False
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    @property
    def has_file(self) -> bool:
        """It writes to a file of its own."""
        return isinstance(self._target, LogFile)

    def isatty(self) -> bool:
        return isinstance(self._target, int) and os.isatty(self._target)

    def write(self, text: str) -> int:
        """Have text written, which ends its line."""
        if len(self._waiting) >= MOST_WAITING or self._waiting_bytes > MOST_BYTES:
            self.dropped["full"] += 1
        else:
            self._waiting_bytes += len(text)
            self._waiting.append(text)
            self._wake()
        return len(text)

    def flush(self) -> None:
        """Nothing is to be waited for."""

    def make(self, lines: int, made: Made) -> None:
        """Have so many lines made and written, both on the thread, and soon."""
        if len(self._waiting) >= MOST_WAITING:
            self.dropped["full"] += lines
        else:
            self._waiting.append((lines, made))
            if not self._some.is_set():  # else the thread has yet to look at what waits
                self._some.set()

    def reopen(self) -> None:
        """The file was moved away: begin it anew."""
        self._reopen = True
        self._wake()

    def tail(self, most: int) -> list[str]:
        """The last lines, oldest first, as plain text; those that wait are not among them."""
        lines = "".join([text for text, _ in list(self._tail)]).splitlines()[-min(most, TAIL) :]
        return [_COLOUR.sub("", line[:TAIL_WIDTH]) for line in lines]

    def close(self) -> None:
        """Write what waits, for as long as that may take; what comes later is lost."""
        self._closing = True
        self._wake()
        self._thread.join(GOODBYE_S)

    def _wake(self) -> None:
        self._now.set()
        self._some.set()

    def _run(self) -> None:
        while True:
            self._some.wait()
            self._now.wait(TOGETHER_S)
            self._now.clear()
            self._some.clear()
            if self._reopen and isinstance(self._target, LogFile):
                self._reopen = False
                self._attempt(self._target.reopen, 0)
            while self._waiting:
                self._write_some()
            if self._closing:
                return

    def _write_some(self) -> None:
        """In one go: each write gives the interpreter away, and has to get it back from those who answer requests."""
        lines, texts, size = 0, list[str](), 0
        while self._waiting and size < TOGETHER_BYTES:
            entry = self._waiting.popleft()
            if isinstance(entry, str):
                self._waiting_bytes -= len(entry)
                text, number = entry, 1
            else:
                number, make = entry
                text = self._made(number, make)
                if self._waiting and not self._closing:
                    time.sleep(REST_S)
            if text:
                texts.append(text)
                lines += number
                size += len(text)
        whole = "".join(texts)
        self._keep(whole, lines)
        self._attempt(lambda: self._write(whole.encode("utf-8", "backslashreplace")), lines)

    def _keep(self, text: str, lines: int) -> None:
        """For whoever asks what was written last."""
        self._tail.append((text, lines))
        while sum(lines for _, lines in self._tail) - self._tail[0][1] >= TAIL:
            self._tail.popleft()

    def _made(self, lines: int, make: Made) -> str:
        try:
            return "".join(make())
        except Exception:  # the thread goes on: it is the only one that writes
            self.dropped["fault"] += lines
            log.exception("%d lines could not be made", lines)
            return ""

    def _attempt(self, act: Callable[[], None], lines: int) -> None:
        try:
            act()
        except OSError:
            self.dropped["disk"] += max(1, lines)

    def _write(self, data: bytes) -> None:
        if isinstance(self._target, LogFile):
            self._target.write(data)
            return
        view = memoryview(data)
        while view:
            view = view[os.write(self._target, view) :]


def open_writer(file: str, max_bytes: int, keep: int) -> LogWriter:
    """The writer of a file, or where none is named of standard error. Raises SettingInvalid where it cannot be had."""
    if not file:
        return LogWriter(_STANDARD_ERROR)
    try:
        return LogWriter(LogFile(Path(file), max_bytes, keep))
    except OSError as error:
        raise SettingInvalid(f"{file!r} cannot be written: {error.strerror}", "log.file") from error
