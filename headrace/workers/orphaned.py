"""A worker whose server is gone ends, whatever it is doing."""

import os
import select
import socket
import threading
import time

ORPHANED_S = 3.0  # that a model may still take once the server is gone: longer than a server leaves before it kills


def end_with_server(channel: socket.socket) -> None:
    """Watch the channel on a thread: nobody else would end a process that loads, runs or hangs without a server."""
    threading.Thread(target=_watch, args=(channel,), daemon=True).start()


def _watch(channel: socket.socket) -> None:
    watch = select.poll()
    watch.register(channel, 0)  # a hang-up is told unasked
    watch.poll()
    time.sleep(ORPHANED_S)
    os._exit(1)
