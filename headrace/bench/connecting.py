"""Why no connection came about, in a few words."""

import os


def reason(error: OSError) -> str:
    """What the operating system said."""
    if error.errno and error.errno > 0:  # its own words: libraries have words of theirs
        return os.strerror(error.errno).lower()
    if isinstance(error, TimeoutError):
        return "no connection in time"
    return (str(error) or type(error).__name__).rpartition("] ")[2].lower()
