"""What /proc says of processes, for tests that start some; all of it may wait, and so is called on a thread."""

import threading
from collections.abc import Callable
from pathlib import Path


def until(true: Callable[[], object]) -> None:
    """Looks again and again; the test's own time limit ends it."""
    pause = threading.Event()
    while not true():
        pause.wait(0.005)


def status(pid: int, what: str) -> str:
    """A field of the process's status; empty where it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return ""
    return next(line.split(":", 1)[1].strip() for line in lines if line.startswith(what))


def lives(pid: int) -> bool:
    """Whether it runs: one that nobody has waited for yet does not."""
    return status(pid, "State")[:1] not in ("", "Z")


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def descriptors(pid: int) -> list[str]:
    """What kinds of them a process has."""
    return sorted(str(fd.readlink()).partition(":")[0] for fd in Path(f"/proc/{pid}/fd").iterdir())


def words(pid: int, file: str) -> list[str]:
    """Of a process's command line or environment."""
    return Path(f"/proc/{pid}/{file}").read_text().split("\0")[:-1]


def until_it_serves(pid: int) -> None:
    """All is imported: it watches its channel, which takes a thread."""
    until(lambda: int(status(pid, "Threads") or 0) > 1)
