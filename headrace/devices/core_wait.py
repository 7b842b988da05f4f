"""How long threads of this process have waited for a core that others had, as Linux counts it."""

from contextlib import suppress
from pathlib import Path

from headrace.devices.process_stat import PROC

WAITED_NS = 1
"""Its place in a thread's schedstat: after what it ran for, before how often."""


def waited_ns(proc: Path = PROC) -> int:
    """All threads that there are together, since each began; 0 where the system does not count it."""
    waited = 0
    with suppress(OSError):
        for thread in (proc / "self" / "task").iterdir():
            with suppress(OSError, IndexError, ValueError):  # it has ended meanwhile
                waited += int((thread / "schedstat").read_text().split()[WAITED_NS])
    return waited
