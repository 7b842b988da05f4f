"""The program of a language model's process: `python -m headrace.engine_child PARENT CHANNEL_FD`."""

import faulthandler
import gc
import importlib
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterable

from headrace.devices.huge_pages import begin_to_move
from headrace.errors import ModelInvalid
from headrace.llm.engine_protocol import Engine, EngineLoading
from headrace.workers.engine_worker import run
from headrace.workers.orphaned import end_with_server

ENGINES = {
    "llm": "headrace.engine_load",
    "fakellm": "headrace.llm.fake_engine",
}
"""By the manifest's runtime, the module whose `load` makes the engine; imported only where it is asked for."""


def main(arguments: list[str]) -> None:
    """Load the one model that the server names and serve the channel until the server closes it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server says when to stop
    faulthandler.enable()
    logging.basicConfig(level=logging.WARNING, format="worker %(process)d: %(name)s: %(message)s")
    parent, fd = [int(argument) for argument in arguments]
    channel = socket.socket(fileno=fd)
    end_with_server(channel, parent)
    run(channel, _load_and_settle)
    await_threads(threading.enumerate())  # an interpreter would at its end, to which a forked process does not come


def load(asked: EngineLoading) -> Engine:
    """The engine for the manifest's runtime. Raises ModelInvalid with the reason why there is none."""
    runtime = asked.manifest.runtime
    if runtime not in ENGINES:
        raise ModelInvalid(f"there is no engine {runtime!r}; there are {', '.join(sorted(ENGINES))}")
    try:
        make: Callable[[EngineLoading], Engine] = importlib.import_module(ENGINES[runtime]).load
        return make(asked)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("headrace"):
            raise
        raise ModelInvalid(
            f"language models need {error.name!r}, which is not installed: pip install 'headrace[llm]'"
        ) from error


def await_threads(threads: Iterable[threading.Thread]) -> None:
    """Those that are no daemons end first: the graph for the next start may still be being written."""
    for thread in threads:
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()


def _load_and_settle(asked: EngineLoading) -> Engine:
    engine = load(asked)
    gc.collect()
    gc.freeze()  # what loading made lives as long as the worker: not to be looked through again
    begin_to_move()
    return engine


if __name__ == "__main__":
    main(sys.argv[1:])
