"""Zygotes that are started before the server is imported: both import at the same time."""

import os
import socket
import subprocess
from collections.abc import Iterable

import msgspec

from headrace.workers import fork_wire as wire
from headrace.workers.birth import Command, spawn
from headrace.workers.imports import RUNS_BATCHES

STDERR = 2

READY_BYTES, READY_SHARE = 16 << 20, 32
"""Memory that each child in reserve has ready: what loading a model of 5 MB takes, or such a part of a budget."""

Kind = tuple[str, ...]
"""The modules that a zygote has imported."""


class Started(msgspec.Struct, frozen=True):
    """A zygote that imports what it was told to, and our end of the channel on which it will say that it is ready."""

    process: subprocess.Popen[bytes]
    channel: socket.socket


class Ahead:
    """Owns the zygotes that were started until they are taken. They end with the thread that has made this."""

    def __init__(self, kinds: Iterable[Kind] = (), warm: int = 0, ready_bytes: int = 0) -> None:
        """One of each kind, with `warm` children in reserve that have so much memory ready, where there can be forks
        and processes at all."""
        self._started: dict[Kind, Started] = {}
        if warm and hasattr(os, "pidfd_open"):
            for kind in kinds:
                self._start(kind, warm, ready_bytes)

    def take(self, kind: Kind) -> Started | None:
        """The one of this kind, which is the caller's from now on; None: there is none."""
        return self._started.pop(kind, None)

    def close(self) -> None:
        """End those that nobody has taken."""
        while self._started:
            _, started = self._started.popitem()
            started.channel.close()
            started.process.kill()
            started.process.wait()

    def _start(self, kind: Kind, warm: int, ready_bytes: int) -> None:
        ours, theirs = wire.channel()
        try:
            with theirs:
                self._started[kind] = Started(spawn(prepared(ours, theirs, kind, warm, ready_bytes)), ours)
        except OSError:  # it is tried again when it is needed
            ours.close()


def ready_bytes(budget_bytes: int | None) -> int:
    """Memory that each child in reserve is to have ready where server and workers may take so much; None: any."""
    return READY_BYTES if budget_bytes is None else min(READY_BYTES, budget_bytes // READY_SHARE)


def prepared(ours: socket.socket, theirs: socket.socket, kind: Kind, warm: int, ready_bytes: int) -> Command:
    """What starts a zygote with the channel's other end, whose first message waits for it already."""
    loads_whole = kind[0] == RUNS_BATCHES  # language models' weights are mapped
    wire.ask(ours, wire.Prepare(kind, warm, ready_bytes if loads_whole else 0))
    return Command("headrace.zygote", (theirs.fileno(),), STDERR, 1)
