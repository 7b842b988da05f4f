"""A server in a process of its own, for as long as a measurement needs it."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import msgspec

QUIET_S = 0.05  # that one has to be


class Address(msgspec.Struct, frozen=True):
    """Where a server under measurement listens, and the process to look at."""

    http: str  # host:port
    grpc: str
    pid: int
    ready_s: float = 0.0  # from starting the process until it was ready


@contextmanager
def only(*names: str) -> Iterator[Path]:
    """A repository of these demo models and no others."""
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            (Path(folder) / name).symlink_to((Path("models") / name).resolve())
        yield Path(folder)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def headrace(repository: Path, *settings: str, log: Path | None = None) -> Iterator[Address]:
    """`headrace serve` on free ports, ready; `settings` are `key=value`. Stopped by SIGTERM at the end.

    What it says goes to the file `log`, or where this program's own lines go.
    """
    http, grpc = free_port(), free_port()
    command = [sys.executable, "-m", "headrace", "serve", str(repository)]
    command += ["--http-port", str(http), "--grpc-port", str(grpc)]
    with tempfile.TemporaryDirectory(prefix="state-") as state:  # its own, for others may serve the same folder
        for setting in (f"state.dir={state}", *settings):
            command += ["--set", setting]
        with process(command, http, grpc, log=log) as address:
            yield address


@contextmanager
def process(
    command: list[str], http: int, grpc: int, ready: str = "/v2/health/ready", log: Path | None = None
) -> Iterator[Address]:
    """Any server, once it says at the path `ready` that it is."""
    started = time.monotonic()
    with (
        log.open("wb") if log else nullcontext() as stderr,
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=stderr) as child,
    ):
        try:
            wait_ready(f"127.0.0.1:{http}", child, ready)
            yield Address(f"127.0.0.1:{http}", f"127.0.0.1:{grpc}", child.pid, time.monotonic() - started)
        finally:
            child.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                child.wait(30)
            child.kill()


def wait_ready(address: str, child: subprocess.Popen[bytes], path: str, limit_s: float = 120.0) -> None:
    """Ask until the server is ready. Raises RuntimeError where its process ends, TimeoutError after the limit."""
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        if child.poll() is not None:
            raise RuntimeError(f"the server ended with status {child.returncode}")
        with suppress(urllib.error.URLError, OSError):
            urllib.request.urlopen(f"http://{address}{path}", timeout=5)
            return
        time.sleep(0.01)
    raise TimeoutError(f"not ready after {limit_s} s")


def wait_joined(address: str, model: str, limit_s: float = 60.0) -> None:
    """Until the variants of a model, which answers before they are there, have joined it. Raises TimeoutError."""
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        with urllib.request.urlopen(f"http://{address}/v2/headrace/models/{model}/events", timeout=5) as events:
            if b"its variants have joined" in events.read():
                return
        time.sleep(0.1)
    raise TimeoutError(f"the variants of {model} have not joined it after {limit_s} s")


def quiet(pid: int, limit_s: float = 30.0, for_s: float = QUIET_S) -> None:
    """Until a server and its workers have done next to nothing for so long. Raises TimeoutError."""
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        before = sum(map(cpu_ns, (pid, *children(pid))))
        time.sleep(for_s)
        if sum(map(cpu_ns, (pid, *children(pid)))) - before < for_s * 1e9 / 10:
            return
    raise TimeoutError(f"not quiet after {limit_s} s")


def metrics(address: str, label: str = "") -> dict[str, float]:
    """Of the metrics page: each name's values added up, of those series whose labels have this text."""
    found: dict[str, float] = {}
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=30) as page:
        for line in page.read().decode().splitlines():
            series, _, value = line.rpartition(" ")
            name, _, labels = series.partition("{")
            if not line.startswith("#") and label in labels:
                found[name] = found.get(name, 0.0) + float(value)
    return found


def children(pid: int) -> list[int]:
    """Process ids of a server's workers: its children, and those of the processes that it forks workers from."""
    found = []
    for child in _born_of(pid):
        name = _name(child)
        if name == "headrace-zygote":
            found += [each for each in _born_of(child) if _name(each) == "headrace-worker"]
        elif name:
            found.append(child)
    return found


def _born_of(pid: int) -> list[int]:
    with suppress(OSError):
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    return []


def _name(pid: int) -> str:
    """Of a process; empty where it is gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


def resident_bytes(pid: int) -> int:
    """Memory of a process that is in RAM."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def cpu_ns(pid: int) -> int:
    """Processor time that the threads of a process, those that there are, have taken."""
    taken = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):  # it ended behind the look at the folder
            taken += int((task / "schedstat").read_text().split()[0])
    return taken
