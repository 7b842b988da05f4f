"""Zygotes that are started before the server is imported: both import at the same time."""

import os
import socket
import subprocess
from collections.abc import Iterable

import msgspec

from headrace.workers import fork_wire as wire
from headrace.workers.birth import Command, spawn

STDERR = 2

Kind = tuple[str, ...]
"""The modules that a zygote has imported."""


class Started(msgspec.Struct, frozen=True):
    """A zygote that imports what it was told to, and our end of the channel on which it will say that it is ready."""

    process: subprocess.Popen[bytes]
    channel: socket.socket


class Ahead:
    """Owns the zygotes that were started until they are taken. They end with the thread that has made this."""

    def __init__(self, kinds: Iterable[Kind] = (), warm: int = 0) -> None:
        """One of each kind, with `warm` children in reserve, where there can be forks and processes at all."""
        self._started: dict[Kind, Started] = {}
        if warm and hasattr(os, "pidfd_open"):
            for kind in kinds:
                self._start(kind, warm)

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

    def _start(self, kind: Kind, warm: int) -> None:
        ours, theirs = wire.channel()
        try:
            with theirs:
                self._started[kind] = Started(spawn(prepared(ours, theirs, kind, warm)), ours)
        except OSError:  # it is tried again when it is needed
            ours.close()


def prepared(ours: socket.socket, theirs: socket.socket, kind: Kind, warm: int) -> Command:
    """What starts a zygote with the channel's other end, whose first message waits for it already."""
    wire.ask(ours, wire.Prepare(kind, warm))
    return Command("headrace.zygote", (theirs.fileno(),), STDERR, 1)
