"""Twenty swaps of MiniLM under an open loop at 60 % of what saturates: what requests wait for that, beside none.

    python -m benchmarks.bench_swap_open [--seconds 40] [--every 15] [--rounds 1] [--share 0.6]

Saturation is measured before each round, by sixteen clients that wait. Then the same arrivals are sent twice, for as
long each: without swaps, and with a new version that takes over every so many seconds. With one every fifteen the share
of the time in which one loads is that of twenty in five minutes, however long it is measured.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

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


def swapping(address: Address, models: Models, first: int, every_s: float, over: threading.Event) -> list[float]:
    """Swap now and then until it is over; how long each took."""
    took: list[float] = []
    while not over.wait(every_s / 2 if not took else max(0.0, every_s - took[-1])):
        took.append(swap(address, models, first + len(took)))
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--every", type=float, default=15)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--share", type=float, default=0.6)
    asked = parser.parse_args()
    rounds, version = [], 1
    with tempfile.TemporaryDirectory() as folder:
        models = Models(Path(folder))
        models.put(version)
        settings = ("models.control=explicit", "models.load=minilm", f"state.dir={folder}/state", "log.level=warning")
        with headrace(models.repository, *settings) as address:
            version += 1
            swap(address, models, version)  # whatever only the first swap takes is there before
            for seed in range(asked.rounds):
                most = bench(address, "--concurrency", str(CLIENTS), "--duration", "4")["throughput"]
                load = ("--rate", f"{most * asked.share:.1f}", "--duration", str(asked.seconds), "--seed", str(seed))
                without = bench(address, *load)
                over, took = threading.Event(), list[float]()
                beside = threading.Thread(
                    target=lambda first=version + 1, over=over, took=took: took.extend(
                        swapping(address, models, first, asked.every, over)
                    )
                )
                beside.start()
                under = bench(address, *load)
                over.set()
                beside.join()
                version += len(took)
                rounds.append((most, without, under, took))
    figures = {
        "rounds": asked.rounds,
        "seconds": asked.seconds,
        "saturation, requests/s": spread([round(most, 1) for most, *_ in rounds]),
        "sent, requests/s": spread([round(most * asked.share, 1) for most, *_ in rounds]),
        "swaps": sum(len(took) for *_, took in rounds),
        "a swap, s": spread([each for *_, took in rounds for each in took]),
        "p99 without swaps, ms": spread([without["p99_ms"] for _, without, _, _ in rounds]),
        "p99 with swaps, ms": spread([under["p99_ms"] for _, _, under, _ in rounds]),
        "p99 ratio": spread([under["p99_ms"] / without["p99_ms"] for _, without, under, _ in rounds]),
        "p50, ms": [[without["p50_ms"], under["p50_ms"]] for _, without, under, _ in rounds],
        "outcomes with swaps": [under["outcomes"] for _, _, under, _ in rounds],
    }
    keep("swap_open", figures)


if __name__ == "__main__":
    main()
