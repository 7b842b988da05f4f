"""Standard output whose reader has stopped reading, as `head` does."""

import os
import sys


def write_nowhere() -> None:
    """What is still written to standard output goes nowhere, without a word."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
