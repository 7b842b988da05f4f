"""Triton's own load generator: run for a moment and read, or kept beside others and let go in turns."""

import csv
import json
import os
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import perf_analyzer

BINARY = Path(perf_analyzer.__file__).parent / "bin" / "perf_analyzer"
SETTLE_S = 0.3
"""From letting clients go until they are in step, and from stopping them until what they asked is answered."""

LONG_MS = 600_000
"""A window that is never over: what was answered is read from the server."""

Turn = Callable[[float], float]
"""Let clients go for so many seconds; what the server answered of a second."""


class Load(msgspec.Struct, frozen=True):
    """What it measured; microseconds."""

    per_second: float
    p50_us: float
    p99_us: float
    queue_us: float  # as the server tells of itself
    compute_us: float


def measure(model: str, protocol: str, address: str, clients: int, arguments: list[str], windows: int = 3) -> Load:
    """Closed-loop load of so many clients, in windows of a second. Raises RuntimeError with its output if it fails."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.csv"
        command = [str(BINARY), "-m", model, "-i", protocol, "-u", address, "--concurrency-range", str(clients)]
        command += ["-p", "1000", "-r", str(windows), "-s", "999", "-f", str(report), "--verbose-csv", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        if not report.exists():
            raise RuntimeError(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
        (row,) = csv.DictReader(report.read_text().splitlines())
    compute = sum(float(row[f"Server Compute {step}"]) for step in ("Input", "Infer", "Output"))
    return Load(
        float(row["Inferences/Second"]),
        float(row["p50 latency"]),
        float(row["p99 latency"]),
        float(row["Server Queue"]),
        compute,
    )


@contextmanager
def waiting(model: str, protocol: str, address: str, clients: int, arguments: list[str], http: str) -> Iterator[Turn]:
    """Closed-loop clients that stand still but for their turns, so that others may be measured between.

    `http` is where the server tells how many it answered, and when the last of them: `address` may be of gRPC.
    """
    command = [str(BINARY), "-m", model, "-i", protocol, "-u", address, "--concurrency-range", str(clients)]
    command += ["-p", str(LONG_MS), "-r", "3", "-s", "999", *arguments]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        try:
            _wait_asked(model, http)
            os.kill(child.pid, signal.SIGSTOP)
            time.sleep(SETTLE_S)

            def turn(seconds: float) -> float:
                os.kill(child.pid, signal.SIGCONT)
                time.sleep(SETTLE_S)
                first = answered(model, http)
                time.sleep(seconds)
                last = answered(model, http)
                os.kill(child.pid, signal.SIGSTOP)
                time.sleep(SETTLE_S)
                return (last[0] - first[0]) / (last[1] - first[1])

            yield turn
        finally:
            child.kill()


def _wait_asked(model: str, http: str, limit_s: float = 30.0) -> None:
    """Until clients ask. Raises TimeoutError."""
    began, until = answered(model, http)[0], time.monotonic() + limit_s
    while time.monotonic() < until:
        if answered(model, http)[0] > began + 1:
            return
        time.sleep(0.05)
    raise TimeoutError(f"perf_analyzer asks {model} nothing after {limit_s} s")


def answered(model: str, http: str) -> tuple[int, float]:
    """How many inferences of the model, and when the last one was, in seconds: the two belong together."""
    with urllib.request.urlopen(f"http://{http}/v2/models/{model}/stats", timeout=10) as answer:
        (stats,) = json.load(answer)["model_stats"]
    return stats["inference_count"], stats["last_inference"] / 1e3
