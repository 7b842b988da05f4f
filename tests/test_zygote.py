"""The program that workers are forked from, started as the server starts it."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from headrace.workers import fork_wire as wire
from headrace.workers.imports import IMPORTS
from tests.workers.processes import children, lives, status, until

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


NOTING = """
import os, pathlib
def note(what):
    with open(pathlib.Path(__file__).parent / what, "a") as file:
        file.write(f"{os.getpid()}\\n")
def before_forks():
    note("before")
def in_reserve():
    note("in_reserve")
    HOW
"""


def ready(channel: socket.socket, question: wire.Prepare) -> None:
    wire.ask(channel, question)
    assert wire.decode_answer(channel.recv(wire.MAX_MESSAGE_BYTES)) == wire.Ready()


def noted(path: Path) -> list[int]:
    """The processes that have noted that, in their order."""
    return [int(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.parametrize("how", ["pass", "raise ValueError"])
def test_what_can_be_done_before_a_model_is_known_is_done_once_for_all_and_by_each_that_waits(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "noting.py").write_text(NOTING.replace("HOW", how))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with zygote() as (child, channel):
        ready(channel, wire.Prepare(("noting",), 2))
        until(lambda: len(noted(tmp_path / "in_reserve")) == 2)
        assert noted(tmp_path / "before") == [child.pid]
        assert set(noted(tmp_path / "in_reserve")) == set(children(child.pid))
        channel.close()


def test_what_is_forked_for_who_waits_has_that_not_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "noting.py").write_text(NOTING.replace("HOW", "pass") + "def main(arguments):\n    note('main')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with zygote() as (_, channel):
        ready(channel, wire.Prepare(("noting",), 0))
        wire.ask(channel, wire.Fork(1, "noting", {}), [2])
        until(lambda: bool(noted(tmp_path / "main")))
        assert not noted(tmp_path / "in_reserve")
        channel.close()


def test_where_one_has_died_of_it_the_next_only_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "noting.py").write_text(NOTING.replace("HOW", "os.abort()"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with zygote() as (child, channel):
        ready(channel, wire.Prepare(("noting",), 1))
        until(lambda: bool(noted(tmp_path / "in_reserve")) and not lives(noted(tmp_path / "in_reserve")[0]))
        until(lambda: len(children(child.pid)) == 1)
        assert len(noted(tmp_path / "in_reserve")) == 1
        channel.close()


def test_what_waits_has_memory_ready() -> None:
    with zygote() as (child, channel):
        ready(channel, wire.Prepare((), 1, 64 << 20))
        until(lambda: any(resident_kib(pid) > 64 << 10 for pid in children(child.pid)))
        channel.close()


def resident_kib(pid: int) -> int:
    return int(status(pid, "VmRSS").split()[0])


OVER = """
import gc, os, signal, socket
from headrace.zygote import Zygote

ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
ours.close()
Zygote(theirs).run()
gc.collect()
os.kill(os.getpid(), signal.SIGCHLD)
"""


def test_a_zygote_that_is_over_has_nothing_to_say_of_children_that_end() -> None:
    ended = subprocess.run([sys.executable, "-c", OVER], capture_output=True, text=True, check=True, timeout=60)
    assert ended.stderr == ""
