"""The other program: what a worker process runs. `python -m headrace.child PARENT CHANNEL_FD SLOT_FDS...`"""

import faulthandler
import gc
import logging
import signal
import socket
import sys
from concurrent.futures import ThreadPoolExecutor

from headrace.allocator import one_heap
from headrace.batching.known_axes import KnownAxes, axis_key, content_of, is_said, may_be_known
from headrace.devices.huge_pages import begin_to_move, mapped
from headrace.runtimes.load import Found, Loaded, Loading, load
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
    before = mapped()
    unknown = asked.axis is None and not is_said(asked.manifest)
    looks = unknown and asked.findings is not None and may_be_known(asked.manifest)
    with one_heap():
        loaded = _load_with_findings(asked) if looks else load(asked)
    gc.collect()
    gc.freeze()  # what loading made lives as long as the worker: not to be looked through again
    begin_to_move(before)
    return loaded


def _load_with_findings(asked: Loading) -> Loaded:
    """What an earlier load found of the file is not found again; what this one finds is kept."""
    axes, manifest = KnownAxes(asked.findings), asked.manifest
    with ThreadPoolExecutor(1) as beside:  # the file is read through while it is loaded
        content = beside.submit(content_of, manifest)

        def key(library: str) -> str:
            return axis_key(content.result(), manifest, library, asked.max_size, asked.tolerance)

        loaded = load(asked, lambda library: None if asked.anew else axes.of(key(library)))
        about = loaded.signature
        found = Found(about.batch, about.outputs)
        if axes.of(key(about.runtime)) != found:
            axes.keep(key(about.runtime), found)
    return loaded


if __name__ == "__main__":
    main(sys.argv[1:])
