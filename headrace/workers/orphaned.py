"""A worker whose server is gone ends, whatever it is doing."""

import ctypes
import os
import select
import signal
import socket
import sys
import threading
import time

ORPHANED_S = 3.0  # that a model may still take once the channel is closed: longer than a server leaves before it kills
PR_SET_PDEATHSIG = 1  # of prctl.h


def end_with_server(channel: socket.socket, parent: int) -> None:
    """End with the process that made this one, which the kernel sees to, even where this one hangs or is stopped.

    And some time after the channel closes, which a thread watches: nobody else would end a process that loads, runs or
    hangs without a server where the kernel cannot.
    """
    end_with_parent(parent)
    threading.Thread(target=_watch, args=(channel,), daemon=True).start()


def end_with_parent(parent: int) -> None:
    """Have the kernel kill this process as soon as `parent` ends; at once, where it has."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)


def _watch(channel: socket.socket) -> None:
    watch = select.poll()
    watch.register(channel, 0)  # a hang-up is told unasked
    watch.poll()
    time.sleep(ORPHANED_S)
    os._exit(1)
