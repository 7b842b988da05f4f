"""The program that workers are forked from, started as the server starts it."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from headrace.workers import fork_wire as wire
from headrace.workers.imports import IMPORTS
from tests.workers.processes import children, lives, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it needs Linux")


@contextmanager
def zygote() -> Iterator[tuple[subprocess.Popen[bytes], socket.socket]]:
    ours, theirs = wire.channel()
    ours.settimeout(30)
    with ours:
        command = [sys.executable, "-m", "headrace.zygote", str(os.getpid()), str(theirs.fileno())]
        with theirs:
            child = subprocess.Popen(command, pass_fds=[theirs.fileno()])
        with child:
            yield child, ours


@pytest.mark.parametrize("modules", IMPORTS.values())
def test_what_workers_are_forked_from_has_no_thread(modules: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "1")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    with zygote() as (_, channel):
        wire.ask(channel, wire.Prepare(modules, 0))
        assert wire.decode_answer(channel.recv(wire.MAX_MESSAGE_BYTES)) == wire.Ready()
        channel.close()


def test_it_ends_with_its_channel_and_its_reserve_with_it() -> None:
    with zygote() as (child, channel):
        wire.ask(channel, wire.Prepare((), 2))
        assert wire.decode_answer(channel.recv(wire.MAX_MESSAGE_BYTES)) == wire.Ready()
        until(lambda: len(children(child.pid)) == 2)
        reserve = children(child.pid)
        channel.close()
        assert child.wait(30) == 0
        until(lambda: not any(map(lives, reserve)))
