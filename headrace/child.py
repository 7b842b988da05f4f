"""The other program: what a worker process runs. `python -m headrace.child CHANNEL_FD SLOT_FDS...`"""

import gc
import logging
import os
import select
import signal
import socket
import sys
import threading
import time

from headrace.runtimes.load import Loaded, Loading, load
from headrace.workers.slots import Area, Slot
from headrace.workers.worker import run

ORPHANED_S = 3.0  # that a model may still take once the server is gone: longer than a server leaves before it kills


def main(arguments: list[str]) -> None:
    """Load the one model that the server names and serve the channel until the server closes it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server says when to stop
    logging.basicConfig(level=logging.WARNING, format="worker %(process)d: %(name)s: %(message)s")
    fds = [int(argument) for argument in arguments]
    channel = socket.socket(fileno=fds[0])
    pairs = zip(fds[1::2], fds[2::2], strict=True)
    threading.Thread(target=_end_with_server, args=(channel,), daemon=True).start()
    slots = [Slot(index, Area(inputs), Area(outputs)) for index, (inputs, outputs) in enumerate(pairs)]
    run(channel, slots, _load_and_settle)


def _end_with_server(channel: socket.socket) -> None:
    """Where the server died while the model loads, runs or hangs: nobody else would end this process."""
    watch = select.poll()
    watch.register(channel, 0)  # a hang-up is told unasked
    watch.poll()
    time.sleep(ORPHANED_S)
    os._exit(1)


def _load_and_settle(asked: Loading) -> Loaded:
    loaded = load(asked)
    gc.collect()
    gc.freeze()  # what loading made lives as long as the worker: not to be looked through again
    return loaded


if __name__ == "__main__":
    main(sys.argv[1:])
