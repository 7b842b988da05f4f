"""Processes that give way, as the operating system has them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.devices import priority
from headrace.devices.priority import MOST, YIELDING, Precedence, Yielding, set_precedence

SLEEPS = "import threading, sys; threading.Thread(target=sys.stdin.read).start(); print(flush=True); sys.stdin.read()"

OWN = os.getpriority(os.PRIO_PROCESS, 0)
LOW = min(OWN + YIELDING, MOST)


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """One with two threads."""
    with subprocess.Popen([sys.executable, "-c", SLEEPS], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout
        child.stdout.readline()
        yield child
        child.kill()


def nice(pid: int) -> list[int]:
    """Of each thread."""
    return [os.getpriority(os.PRIO_PROCESS, int(each.name)) for each in Path(f"/proc/{pid}/task").iterdir()]


def classes(pid: int) -> list[int]:
    """Of each thread."""
    return [os.sched_getscheduler(int(each.name)) for each in Path(f"/proc/{pid}/task").iterdir()]


@pytest.mark.parametrize("before", ["usual", "later"])
def test_every_thread_gives_way_altogether(process: subprocess.Popen[bytes], before: Precedence) -> None:
    yielding = Yielding()
    yielding.began("m", process.pid)
    yielding.set("m", before)
    assert classes(process.pid) == [os.SCHED_OTHER] * 2
    yielding.set("m", "last")
    assert classes(process.pid) == [os.SCHED_IDLE] * 2
    assert nice(process.pid) == [LOW] * 2


def test_one_that_gave_way_altogether_may_have_a_share(process: subprocess.Popen[bytes]) -> None:
    yielding = Yielding()
    yielding.began("m", process.pid)
    yielding.set("m", "last")
    yielding.set("m", "later")
    assert classes(process.pid) == [os.SCHED_OTHER] * 2
    assert nice(process.pid) == [LOW] * 2


def test_where_there_is_no_way_back_it_has_a_share_all_the_while(
    process: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_class = os.sched_setscheduler

    def only_down(thread: int, wanted: int, param: os.sched_param) -> None:
        if wanted == os.SCHED_OTHER:
            raise PermissionError
        set_class(thread, wanted, param)

    monkeypatch.setattr(os, "sched_setscheduler", only_down)
    yielding = Yielding()
    yielding.began("m", process.pid)
    yielding.set("m", "last")
    assert classes(process.pid) == [os.SCHED_OTHER] * 2
    assert nice(process.pid) == [LOW] * 2


def test_a_class_that_its_owner_chose_stays(process: subprocess.Popen[bytes]) -> None:
    for thread in Path(f"/proc/{process.pid}/task").iterdir():
        os.sched_setscheduler(int(thread.name), os.SCHED_BATCH, os.sched_param(0))
    yielding = Yielding()
    yielding.began("m", process.pid)
    yielding.set("m", "last")
    assert classes(process.pid) == [os.SCHED_BATCH] * 2


def test_every_thread_gives_way(process: subprocess.Popen[bytes]) -> None:
    yielding = Yielding()
    yielding.began("m", process.pid)
    assert nice(process.pid) == [OWN, OWN]
    yielding.set("m", "later")
    assert nice(process.pid) == [LOW, LOW]


def test_a_process_that_begins_later_gives_way_as_well(process: subprocess.Popen[bytes]) -> None:
    yielding = Yielding()
    yielding.set("m", "later")
    yielding.began("other", process.pid)
    assert nice(process.pid) == [OWN, OWN]
    yielding.began("m", process.pid)
    assert nice(process.pid) == [LOW, LOW]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may raise a priority")
def test_a_process_that_is_nobodys_yet_gives_way_for_a_while(process: subprocess.Popen[bytes]) -> None:
    yielding = Yielding()
    yielding.run_as(process.pid, "last")
    assert classes(process.pid) == [os.SCHED_IDLE] * 2
    yielding.run_as(process.pid, "usual")
    assert (classes(process.pid), nice(process.pid)) == ([os.SCHED_OTHER] * 2, [OWN, OWN])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may raise a priority")
def test_behind_that_while_it_runs_as_all_do_whose_it_is(process: subprocess.Popen[bytes]) -> None:
    yielding = Yielding()
    yielding.began("m", process.pid)
    yielding.run_as(process.pid, "later")
    yielding.set("m", "last")
    yielding.run_as(process.pid, "later")
    yielding.run_as(process.pid, "usual")
    assert (classes(process.pid), nice(process.pid)) == ([os.SCHED_IDLE] * 2, [LOW, LOW])


def test_and_not_at_all_where_there_is_no_way_back(
    process: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(priority, "comes_back_from_last", lambda: False)
    Yielding().run_as(process.pid, "last")
    assert (classes(process.pid), nice(process.pid)) == ([os.SCHED_OTHER] * 2, [OWN, OWN])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may raise a priority")
def test_it_gives_way_no_more_once_that_is_said(process: subprocess.Popen[bytes]) -> None:
    yielding = Yielding()
    yielding.began("m", process.pid)
    yielding.set("m", "later")
    yielding.set("m", "usual")
    assert nice(process.pid) == [OWN, OWN]


def test_a_process_that_is_gone_is_no_fault() -> None:
    yielding = Yielding()
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        yielding.began("m", child.pid)
    yielding.set("m", "later")
    assert set_precedence(child.pid, YIELDING)


def test_a_number_that_is_anothers_by_now_is_left_alone(
    process: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    yielding = Yielding()
    monkeypatch.setattr(priority, "began_at", lambda pid: "1")
    yielding.began("m", process.pid)
    monkeypatch.setattr(priority, "began_at", lambda pid: "2")
    yielding.set("m", "later")
    assert nice(process.pid) == [OWN, OWN]


def test_what_is_not_allowed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", refuse)
    assert not set_precedence(os.getpid(), 5)
