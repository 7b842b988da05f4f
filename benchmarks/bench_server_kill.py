"""The server's process alone is killed (-9) again and again, amid loads and moves of labels: what is true after it.

    python -m benchmarks.bench_server_kill [--kills 50] [--limit-mib 1024]

Clients set labels (two of them the same one), set and remove a split, and load and unload models, each as soon as it is
answered, until the server is killed at a random moment, sometimes before it is ready. Then its processes have 2 s to
end, and nothing of it may stay in /dev/shm, nor hold its ports. The next server has the same state: each thing that was
set has to be as some serial order of what was acknowledged has it, with what was under way done or not. All of it lives
in one memory control group, where this machine lets one be made.
"""

import argparse
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.memory_group import Group, memory_group
from benchmarks.results import keep, spread
from benchmarks.server import free_port, wait_ready

ROWS = """
delay_ms = {delay_ms}
inputs = [{{ name = "x", shape = [-1, 2] }}]
outputs = [{{ name = "y", shape = [-1, 2], value = "slice" }}]
"""
MARK = "MEASURED_SERVER"
ENDED_WITHIN_S = 2.0
VERSIONS = 4
LATER = float("inf")


class Done(msgspec.Struct):
    """One thing that was asked for: what it sets to what, from when until when; unanswered it ends never."""

    key: str
    value: str
    began: float
    ended: float = LATER


class Checked(msgspec.Struct):
    """What was found wrong, and how long ends took."""

    faults: list[str] = []
    ends_s: list[float] = []
    acknowledged: Counter[str] = msgspec.field(default_factory=Counter)
    under_way: int = 0


def possible(key: str, before: str, done: Sequence[Done]) -> set[str]:
    """The values that some serial order of what was acknowledged leaves; what was under way may have been done or not.

    An answered write may be the last one unless another began after it ended, and was answered too.
    """
    mine = [each for each in done if each.key == key]
    answered = [each for each in mine if each.ended < LATER]
    last = {each.value for each in answered if not any(other.began > each.ended for other in answered)}
    return (last or {before}) | {each.value for each in mine if each.ended == LATER}


class Server:
    """One server process, and all that came of it, known by a mark in its environment."""

    def __init__(self, repository: Path, state: Path, ports: tuple[int, int], group: Group | None) -> None:
        self.http = f"127.0.0.1:{ports[0]}"
        self._mark = uuid.uuid4().hex
        command = [*(group.command if group else ()), sys.executable, "-m", "headrace", "serve", str(repository)]
        command += ["--http-port", str(ports[0]), "--grpc-port", str(ports[1])]
        for setting in (f"state.dir={state}", "log.level=error", "models.settle_s=0.05"):
            command += ["--set", setting]
        self.process = subprocess.Popen(command, env={**os.environ, MARK: self._mark}, stdout=subprocess.DEVNULL)

    def family(self) -> list[int]:
        """Every process that lives and came of it."""
        wanted, found = f"{MARK}={self._mark}".encode(), []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if wanted in (folder / "environ").read_bytes().split(b"\0") and _lives(folder):
                    found.append(int(folder.name))
        return found

    def shared(self) -> set[Path]:
        """Files of shared memory that any of them has mapped or open."""
        found = set()
        for pid in self.family():
            with suppress(OSError):
                lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
                found |= {Path(line.split(maxsplit=5)[5]) for line in lines if " /dev/shm/" in line}
                found |= {fd.readlink() for fd in Path(f"/proc/{pid}/fd").iterdir()}
        return {path for path in found if path.is_relative_to("/dev/shm") and path.exists()}

    def ask(self, method: str, path: str, sent: Any = None) -> tuple[int, Any]:
        connection = http.client.HTTPConnection(self.http, timeout=300)
        try:
            connection.request(method, path, "" if sent is None else json.dumps(sent))
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None
        finally:
            connection.close()


def _lives(folder: Path) -> bool:
    return (folder / "stat").read_text().rpartition(")")[2].split()[0] != "Z"


class Client(threading.Thread):
    """Asks for one thing after another until the server is gone."""

    def __init__(
        self, server: Server, seed: int, ask: Callable[[random.Random], tuple[str, str, str, str, Any]]
    ) -> None:
        super().__init__()
        self.done: list[Done] = []
        self.refused: list[str] = []
        self._server = server
        self._rng = random.Random(seed)
        self._ask = ask

    def run(self) -> None:
        while True:
            key, value, method, path, sent = self._ask(self._rng)
            done = Done(key, value, time.monotonic())
            self.done.append(done)
            try:
                status, told = self._server.ask(method, path, sent)
            except (OSError, http.client.HTTPException, ValueError):
                return
            if status != 200 and (method, status) != ("DELETE", 404):  # what was not there is not there
                self.done.pop()
                self.refused.append(f"{key} {value}: {status} {told}")
                return
            done.ended = time.monotonic()


def labels(*names: str) -> Callable[[random.Random], tuple[str, str, str, str, Any]]:
    def ask(rng: random.Random) -> tuple[str, str, str, str, Any]:
        name, version = rng.choice(names), str(rng.randint(1, VERSIONS))
        path = f"/v2/headrace/models/labelled/labels/{name}"
        if rng.random() < 0.2:
            return f"label {name}", "", "DELETE", path, None
        return f"label {name}", version, "PUT", path, {"version": version}

    return ask


def split(rng: random.Random) -> tuple[str, str, str, str, Any]:
    path = "/v2/headrace/models/split/split"
    if rng.random() < 0.3:
        return "split", "{}", "DELETE", path, None
    share = rng.randint(1, 9)
    weights = {"1": share / 10, str(rng.randint(2, VERSIONS)): (10 - share) / 10}
    return "split", json.dumps(weights, sort_keys=True), "PUT", path, {"weights": weights}


def loads(rng: random.Random) -> tuple[str, str, str, str, Any]:
    name, verb = rng.choice(("one", "two")), rng.choice(("load", "unload"))
    return name, verb, "POST", f"/v2/repository/models/{name}/{verb}", {}


ASKS = (labels("a", "b", "both"), labels("c", "both"), split, loads, loads)


def observed(server: Server) -> dict[str, str]:
    """What is so after a start, by key."""
    _, told = server.ask("GET", "/v2/headrace/models/labelled/labels")
    found = {f"label {name}": told.get(name, "") for name in ("a", "b", "c", "both")}
    status, told = server.ask("GET", "/v2/headrace/models/split/split")  # an error where there is none
    weights = told["weights"] if status == 200 else {}
    found["split"] = json.dumps({each: float(weight) for each, weight in weights.items()}, sort_keys=True)
    _, index = server.ask("POST", "/v2/repository/index", {})
    for name in ("one", "two"):
        states = {each["state"] for each in index if each["name"] == name}
        found[name] = "load" if "READY" in states else "unload"
    return found


def place(repository: Path) -> None:
    for name, delay_ms in (("labelled", 0), ("split", 0), ("one", 20), ("two", 150)):
        for version in range(1, VERSIONS + 1 if name in ("labelled", "split") else 2):
            folder = repository / name / str(version)
            folder.mkdir(parents=True)
            (folder / "model.fake").write_text(ROWS.format(delay_ms=delay_ms))


def end(server: Server, ports: tuple[int, int], checked: Checked) -> None:
    """Kill the server's process, and see that all else goes by itself."""
    shared = server.shared()
    server.process.kill()
    server.process.wait()
    killed = time.monotonic()
    while (left := server.family()) and time.monotonic() < killed + 5 * ENDED_WITHIN_S:
        time.sleep(0.01)
    ended_s = time.monotonic() - killed
    checked.ends_s.append(ended_s)
    if left or ended_s > ENDED_WITHIN_S:
        checked.faults.append(f"after {ended_s:.1f} s processes of it are there: {left}")
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    checked.faults += [f"{path} is left" for path in shared if path.exists()]
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                checked.faults.append(f"port {port} is not free: {error}")


def kill_again_and_again(folder: Path, kills: int, group: Group | None) -> Checked:
    repository, state, ports = folder / "models", folder / "state", (free_port(), free_port())
    place(repository)
    rng, checked = random.Random(11), Checked()
    expected = {"split": {"{}"}, "one": {"load"}, "two": {"load"}} | {f"label {name}": {""} for name in "abc"}
    expected["label both"] = {""}
    for number in range(kills + 1):
        server = Server(repository, state, ports, group)
        if 0 < number < kills and rng.random() < 0.2:  # before it is ready: nothing was asked for
            time.sleep(rng.uniform(0, 1.5))
            end(server, ports, checked)
            continue
        wait_ready(server.http, server.process, "/v2/health/ready", 1000)
        found = observed(server)
        for key, value in found.items():
            if value not in expected[key]:
                checked.faults.append(f"kill {number}: {key} is {value!r}, and may be {sorted(expected[key])}")
        if number == kills:
            server.process.terminate()
            server.process.wait()
            break
        clients = [Client(server, 100 * number + seed, ask) for seed, ask in enumerate(ASKS)]
        for client in clients:
            client.start()
        time.sleep(rng.uniform(0.0, 2.0))
        end(server, ports, checked)
        for client in clients:
            client.join()
        done = [each for client in clients for each in client.done]
        checked.faults += [f"refused: {each}" for client in clients for each in client.refused]
        checked.acknowledged.update(each.key for each in done if each.ended < LATER)
        checked.under_way += sum(each.ended == LATER for each in done)
        expected = {key: possible(key, value, done) for key, value in found.items()}
        print(f"kill {number + 1}: {len(checked.faults)} faults {checked.faults[-1:]}", file=sys.stderr, flush=True)
    return checked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--limit-mib", type=int, default=1024)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, memory_group(asked.limit_mib << 20) as group:
        checked = kill_again_and_again(Path(folder), asked.kills, group)
        figures = {
            "kills": len(checked.ends_s),
            "acknowledged": dict(checked.acknowledged),
            "under way when it was killed": checked.under_way,
            "faults": len(checked.faults),
            "examples": checked.faults[:5],
            "all processes ended after, s": spread(checked.ends_s),
            "memory group, MiB": asked.limit_mib if group else None,
            "most held in it, MiB": group.peak_bytes() >> 20 if group else None,
            "killed by the kernel for memory": group.oom_kills() if group else None,
        }
    keep("server_kill", figures)
    sys.exit(bool(checked.faults))


if __name__ == "__main__":
    main()
