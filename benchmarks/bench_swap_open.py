"""Swaps of MiniLM under an open loop at 60 % of what saturates: what requests wait for that, beside none.

    python -m benchmarks.bench_swap_open [--pairs 12] [--seconds 15] [--swaps 1] [--share 0.6] [--rate 0]

What saturates is measured once, by sixteen clients that wait, unless the rate is given. Then windows without and with
swaps take turns, in pairs that are sent the same arrivals and change places from pair to pair, so that a machine that
becomes slower does so for both. One swap in fifteen seconds is twenty in five minutes; it begins in the middle of what
its share of the window is. A window's p99 is what its slowest twenty-five requests say, and one burst of arrivals makes
more than that: beside the ratios of pairs there is that of all requests without swaps and of all with them.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.bench_swap import Models, swap
from benchmarks.results import keep, spread
from benchmarks.server import Address, headrace

CLIENTS = 16
TOKENS = 24


def bench(address: Address, *flags: str) -> dict[str, Any]:
    """One step of `headrace bench`."""
    command = [sys.executable, "-m", "headrace", "bench", f"http://{address.http}", "minilm", "--json", "-"]
    command += ["--lengths", str(TOKENS), "--timeout", "120", *flags]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    (step,) = json.loads(told[told.index("{") :])["steps"]
    found: dict[str, Any] = step
    return found


class Window(NamedTuple):
    """What the load saw, and how long each swap took."""

    step: dict[str, Any]
    swaps_s: list[float]


class Windows:
    """One server under one load. Owns which version was put in last."""

    def __init__(self, address: Address, models: Models, rate: float, seconds: float) -> None:
        self._address = address
        self._models = models
        self._load = ("--rate", f"{rate:.1f}", "--duration", f"{seconds:g}")
        self._seconds = seconds
        self.version = 1

    def swap(self) -> float:
        self.version += 1
        return swap(self._address, self._models, self.version)

    def window(self, swaps: int, seed: int) -> Window:
        over, took = threading.Event(), list[float]()
        beside = threading.Thread(target=self._swaps, args=(swaps, over, took))
        beside.start()
        try:
            step = bench(self._address, *self._load, "--seed", str(seed))
        finally:
            over.set()
            beside.join()
        return Window(step, took)

    def _swaps(self, swaps: int, over: threading.Event, took: list[float]) -> None:
        every_s, began = self._seconds / max(swaps, 1), time.monotonic()
        for number in range(swaps):
            if over.wait(max(0.0, began + every_s * (number + 0.5) - time.monotonic())):
                return
            took.append(self.swap())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=15, help="of each window")
    parser.add_argument("--swaps", type=int, default=1, help="in each window that has some")
    parser.add_argument("--share", type=float, default=0.6)
    parser.add_argument("--rate", type=float, default=0.0, help="a second; else the share of what saturates")
    asked = parser.parse_args()
    quiet: list[Window] = []
    swapped: list[Window] = []
    with tempfile.TemporaryDirectory() as folder:
        models = Models(Path(folder))
        models.put(1)
        settings = ("models.control=explicit", "models.load=minilm", f"state.dir={folder}/state", "log.level=warning")
        with headrace(models.repository, *settings) as address:
            most = 0.0 if asked.rate else bench(address, "--concurrency", str(CLIENTS), "--duration", "4")["throughput"]
            windows = Windows(address, models, asked.rate or most * asked.share, asked.seconds)
            windows.swap()  # whatever only the first swap takes is there before
            for pair in range(asked.pairs):
                for swaps in (0, asked.swaps) if pair % 2 == 0 else (asked.swaps, 0):
                    (swapped if swaps else quiet).append(windows.window(swaps, pair))
    keep("swap_open", {"saturation, requests/s": round(most, 1), **figures(quiet, swapped)})


def figures(quiet: Sequence[Window], swapped: Sequence[Window]) -> dict[str, Any]:
    ratios = [
        [with_them.step[name] / without.step[name] for without, with_them in zip(quiet, swapped, strict=True)]
        for name in ("p99_ms", "p50_ms")
    ]
    return {
        "sent, requests/s": quiet[0].step["rate"],
        "seconds of a window": quiet[0].step["duration_s"],
        "pairs of windows": len(quiet),
        "a swap, s": spread([each for window in swapped for each in window.swaps_s]),
        "swaps": sum(len(window.swaps_s) for window in swapped),
        "p99 without swaps, ms": [window.step["p99_ms"] for window in quiet],
        "p99 with swaps, ms": [window.step["p99_ms"] for window in swapped],
        "p99 of all without swaps, ms": (alone := round(p99_of_all(quiet), 1)),
        "p99 of all with swaps, ms": (beside := round(p99_of_all(swapped), 1)),
        "p99 ratio of all": round(beside / alone, 3),
        "p99 ratio": spread(ratios[0]),
        "p50 ratio": spread(ratios[1]),
        "outcomes with swaps": [window.step["outcomes"] for window in swapped],
    }


def p99_of_all(windows: Sequence[Window]) -> float:
    """Of the requests of all windows together, by what each of them keeps of its latencies."""
    found = [
        np.interp(np.linspace(0, 1, window.step["sent"]), np.linspace(0, 1, len(cdf)), cdf)
        for window in windows
        if (cdf := window.step["cdf_ms"])
    ]
    return float(np.percentile(np.concatenate(found), 99))


if __name__ == "__main__":
    main()
