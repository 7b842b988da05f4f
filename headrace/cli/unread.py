"""Standard output that takes nothing: its reader has stopped, as `head` does, its disk is full, or it is closed."""

import errno
import os
import sys
from io import TextIOWrapper

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def is_full(error: OSError) -> bool:
    """Whether a disk takes no more."""
    return error.errno in _FULL


def write_nowhere() -> None:
    """What is still written to standard output goes nowhere, without a word."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def open_what_is_closed() -> None:
    """Started without standard output or errors, a program writes them nowhere, and no socket takes their number."""
    while (opened := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(opened, True)
    os.close(opened)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)


def escape_what_cannot_be_written() -> None:
    """A character that the terminal's encoding lacks is written as an escape, as Python does on standard errors."""
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")
