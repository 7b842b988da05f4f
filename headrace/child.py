"""The other program: what a worker process runs. `python -m headrace.child PARENT CHANNEL_FD SLOT_FDS...`"""

import faulthandler
import gc
import logging
import signal
import socket
import sys

from headrace.runtimes.load import Loaded, Loading, load
from headrace.workers.orphaned import end_with_server
from headrace.workers.slots import Area, Slot
from headrace.workers.worker import run


def main(arguments: list[str]) -> None:
    """Load the one model that the server names and serve the channel until the server closes it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server says when to stop
    faulthandler.enable()
    logging.basicConfig(level=logging.WARNING, format="worker %(process)d: %(name)s: %(message)s")
    parent, *fds = [int(argument) for argument in arguments]
    channel = socket.socket(fileno=fds[0])
    pairs = zip(fds[1::2], fds[2::2], strict=True)
    end_with_server(channel, parent)
    slots = [Slot(index, Area(inputs), Area(outputs)) for index, (inputs, outputs) in enumerate(pairs)]
    run(channel, slots, _load_and_settle)


def _load_and_settle(asked: Loading) -> Loaded:
    loaded = load(asked)
    gc.collect()
    gc.freeze()  # what loading made lives as long as the worker: not to be looked through again
    return loaded


if __name__ == "__main__":
    main(sys.argv[1:])
