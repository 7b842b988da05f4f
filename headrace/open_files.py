"""How many files this process may have open, each connection being one; and a word in the log when there is no more."""

import errno
import logging
import os
import resource

log = logging.getLogger(__name__)

MOST = 1 << 20
"""More is not asked for, where the system would give any number: some programs have a table of them."""

_EXHAUSTED = (errno.EMFILE, errno.ENFILE)


def most_files() -> int:
    """How many a server has, once it has asked for them: what the system allows, not what it gives by itself."""
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return MOST if allowed == resource.RLIM_INFINITY else min(allowed, MOST)


def ask_for_most() -> None:
    """May have as many from here on, as may the processes that are started."""
    given, allowed = resource.getrlimit(resource.RLIMIT_NOFILE)
    if given != resource.RLIM_INFINITY and given < most_files():
        resource.setrlimit(resource.RLIMIT_NOFILE, (most_files(), allowed))


async def tell_of_want() -> None:
    """Log it where no more can be opened: the event loop closes new connections then, and says nothing."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        if error.errno not in _EXHAUSTED:
            raise
        log.warning(
            "new connections are closed, for no more files can be opened: %s; the limit is %d (ulimit -n)",
            error.strerror,
            resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        )
