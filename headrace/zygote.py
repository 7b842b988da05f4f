"""The program that workers are forked from: `python -m headrace.zygote PARENT CHANNEL_FD`.

It has imported what workers of one kind need, and has no thread, no session and no model, so that a fork of it is a
worker that only has to load. It keeps a few in reserve, which wait to be told what to run. What a library does only the
first time a module does before: as `before_forks` once for all, as `in_reserve` in each child that waits.
"""

import contextlib
import gc
import importlib
import os
import select
import signal
import socket
import sys
import traceback
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

from headrace.allocator import touch_ahead
from headrace.workers import fork_wire as wire
from headrace.workers.orphaned import end_with_parent

QUIET_MS = 50  # without a question, before the reserve is filled up: whoever waits for a child comes first


class _Reserve(NamedTuple):
    """A child that waits, and the end of the channel on which it will be told what to be."""

    pid: int
    channel: socket.socket


class Zygote:
    """Forks on demand until the server closes the channel; its children end with it."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._asked = wire.Prepare((), 0)
        self._readies = True  # what waits in reserve, unless one has died of it
        self._reserve: deque[_Reserve] = deque()
        self._news, news = socket.socketpair()  # a byte for each signal
        for end in (self._news, news):
            end.setblocking(False)
        self._woken_by = news
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(news.fileno(), warn_on_full_buffer=False)

    def run(self) -> None:
        poll = select.poll()
        for each in (self._channel, self._news):
            poll.register(each, select.POLLIN)
        while True:
            found = poll.poll(QUIET_MS if len(self._reserve) < self._asked.warm else None)
            if not found:
                self._reserve.append(self._fork(waits=True))
            for fd, _ in found:
                if fd == self._news.fileno():
                    self._reap()
                elif not self._answer():
                    signal.set_wakeup_fd(-1)  # its children end too: nobody reads of that any more
                    return

    def _answer(self) -> bool:
        """One question of the server's; False once it is gone."""
        question, fds = wire.asked(self._channel)
        if isinstance(question, wire.Prepare):
            self._tell(wire.Ready(_prepared(question.modules)))
            self._asked = question
        elif isinstance(question, wire.Fork):
            answer: wire.Answer
            try:
                answer = wire.Born(question.number, self._child(question, fds))
            except OSError as error:
                answer = wire.Unborn(question.number, str(error))
            finally:
                for each in fds:
                    os.close(each)
            self._tell(answer)  # only now: while the child's channel is open here nobody sees its end
        return question is not None

    def _child(self, question: wire.Fork, fds: list[int]) -> int:
        """The process id of a child that lives by the question from now on."""
        while self._reserve:
            child = self._reserve.popleft()
            with child.channel, contextlib.suppress(OSError):  # it was killed meanwhile
                wire.ask(child.channel, question, fds)
                return child.pid
        child = self._fork(fds)
        with child.channel:
            wire.ask(child.channel, question, fds)
        return child.pid

    def _fork(self, held: Sequence[int] = (), *, waits: bool = False) -> _Reserve:
        """A child without the descriptors that are held for now; one that `waits` gets ready. Raises OSError where
        there can be no more."""
        ours, theirs = wire.channel()
        zygote = os.getpid()
        pid = os.fork()
        if not pid:
            ours.close()
            self._let_go()
            for each in held:
                os.close(each)
            _live(theirs, zygote, self._asked if waits and self._readies else None)
        theirs.close()
        return _Reserve(pid, ours)

    def _let_go(self) -> None:
        """In a child: what is the zygote's alone."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for each in (self._channel, self._news, self._woken_by, *[child.channel for child in self._reserve]):
            each.close()

    def _reap(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._news.recv(4096):
                pass
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                pid, status = ended
                waiting = next((child for child in self._reserve if child.pid == pid), None)
                if waiting is None:
                    self._tell(wire.Ended(pid, os.waitstatus_to_exitcode(status)))
                else:
                    self._readies = self._readies and status == 0
                    self._reserve.remove(waiting)
                    waiting.channel.close()

    def _tell(self, answer: wire.Answer) -> None:
        with contextlib.suppress(OSError):  # the server is gone: the next question says so
            self._channel.send(wire.encode(answer))


def main(arguments: list[str]) -> None:
    """Serve the channel until the server closes it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server says when to stop
    parent, fd = [int(argument) for argument in arguments]
    end_with_parent(parent)
    _be_called("zygote")
    gc.disable()  # what is imported stays: there is nothing to find
    Zygote(socket.socket(fileno=fd)).run()


def _prepared(modules: tuple[str, ...]) -> str:
    """Import them; why this process cannot be forked, or nothing."""
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # as if not installed: it starts a thread
    try:
        for module in modules:
            importlib.import_module(module)
    except ImportError as error:
        return str(error)
    _have_done("before_forks", modules)
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads != 1:
        return f"{', '.join(modules)} started {threads - 1} thread(s), which a fork would not have"
    gc.freeze()  # a collection would write to every object, and so take the pages that are shared
    gc.enable()
    return ""


def _be_called(what: str) -> None:
    """What lists of processes show."""
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text(f"headrace-{what}")


def _have_done(what: str, modules: tuple[str, ...]) -> None:
    """By each of the modules that has something to be done then. What fails will fail again where it is told."""
    for module in modules:
        with contextlib.suppress(Exception):
            getattr(sys.modules[module], what, lambda: None)()


def _get_ready(asked: wire.Prepare, channel: socket.socket) -> None:
    """In a child that waits: all that its load would have to wait for, until it is told what to load."""

    def is_told(seconds: float) -> bool:
        return bool(select.select([channel], [], [], seconds)[0])

    _have_done("in_reserve", asked.modules)
    touch_ahead(asked.ready_bytes, is_told)


def _live(channel: socket.socket, zygote: int, waits: wire.Prepare | None) -> NoReturn:
    """A child's life: wait to be told what to run, run it, end. Where it `waits` for that it gets ready."""
    status = 1
    try:
        end_with_parent(zygote)
        _be_called("reserve")
        os.setpgid(0, 0)  # as in `workers/birth.py`
        with channel:
            if waits is not None:
                _get_ready(waits, channel)
            question, fds = wire.asked(channel)
        if isinstance(question, wire.Fork):
            os.dup2(fds[0], 2)
            os.close(fds[0])
            os.environ.update(question.environment)
            _be_called("worker")
            importlib.import_module(question.module).main([str(zygote), *map(str, fds[1:])])
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()
            sys.stdout.flush()
        os._exit(status)  # what the zygote would do at its own end is not a child's


if __name__ == "__main__":
    main(sys.argv[1:])
