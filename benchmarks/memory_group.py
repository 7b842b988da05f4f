"""A memory control group for a server under measurement, where this machine lets one be made: v1 or v2."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PLACES = (
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.max_usage_in_bytes", "memory.oom_control"),
    (Path("/sys/fs/cgroup"), "memory.max", "memory.peak", "memory.events"),
)
"""Of each version: where groups are made, and the files that bound one, tell the most it held, and who was killed."""


class Group:
    """One group; what is started with `command` before its own command lives in it."""

    def __init__(self, folder: Path, peak: str, events: str) -> None:
        self.folder = folder
        self._peak = peak
        self._events = events

    @property
    def command(self) -> list[str]:
        """Joins, then becomes what follows."""
        return ["sh", "-c", f'echo $$ > "{self.folder}/cgroup.procs" && exec "$@"', "sh"]

    def peak_bytes(self) -> int:
        return int((self.folder / self._peak).read_text())

    def oom_kills(self) -> int:
        """Processes that the kernel has killed for want of memory in it."""
        lines = (self.folder / self._events).read_text().splitlines()
        return int(dict(line.split() for line in lines).get("oom_kill", "0"))


@contextmanager
def memory_group(num_bytes: int) -> Iterator[Group | None]:
    """A group with this limit; None where none can be made here."""
    for place, limit, peak, events in PLACES:
        folder = place / f"headrace-bench-{os.getpid()}"
        try:
            folder.mkdir()
            (folder / limit).write_text(str(num_bytes))
        except OSError:
            with suppress(OSError):
                folder.rmdir()
            continue
        try:
            yield Group(folder, peak, events)
        finally:
            for _ in range(100):  # until what lived there is gone
                with suppress(OSError):
                    folder.rmdir()
                    break
                time.sleep(0.05)
        return
    yield None
