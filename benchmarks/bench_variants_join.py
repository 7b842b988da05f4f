"""The first seconds of MiniLM while its variants join it: what requests notice of that.

    python -m benchmarks.bench_variants_join [--seconds 20] [--rounds 1] [--clients 16 | --rate 100]

Each round starts a server that knows nothing of the model yet, and loads it from the moment at which it is ready: by
clients that wait, or at a rate, where the cores have time to spare for those that join.
"""

import argparse
import json
import os
import tempfile
import urllib.request
from contextlib import ExitStack
from typing import Any

from benchmarks.bench_swap_open import bench
from benchmarks.results import keep, spread
from benchmarks.server import Address, headrace, only, wait_joined

JOINED = "its variants have joined"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--rate", type=float, help="an open loop instead")
    asked = parser.parse_args()
    load = ("--rate", f"{asked.rate}") if asked.rate else ("--concurrency", f"{asked.clients}")
    rounds = [first_seconds(asked.seconds, *load) for _ in range(asked.rounds)]
    figures = {
        "load": " ".join(load),
        "seconds": asked.seconds,
        "answers a second": spread([step["throughput"] for step, _ in rounds]),
        "p50, ms": spread([step["p50_ms"] for step, _ in rounds]),
        "p99, ms": spread([step["p99_ms"] for step, _ in rounds]),
        "joined after, s": spread([joined_s for _, joined_s in rounds]),
        "answers in each second": [by_second(step) for step, _ in rounds],
    }
    keep("variants_join", figures)


def first_seconds(seconds: float, *load: str) -> tuple[dict[str, Any], float]:
    """What the load saw, and how long after its own file the model had its variants."""
    with tempfile.TemporaryDirectory() as cache, only("minilm") as repository, ExitStack() as stack:
        os.environ["XDG_CACHE_HOME"] = cache
        address = stack.enter_context(headrace(repository, "log.level=warning"))
        step = bench(address, *load, "--duration", str(seconds), "--warmup", "0")
        wait_joined(address.http, "minilm")
        return step, joined_s(address)


def joined_s(address: Address) -> float:
    with urllib.request.urlopen(f"http://{address.http}/v2/headrace/models/minilm/events", timeout=5) as events:
        return next(float(each["seconds"]) for each in json.load(events) if JOINED in json.dumps(each))


def by_second(step: dict[str, Any]) -> list[int]:
    answered = [0] * int(step["duration_s"] + 0.5)
    for moment in step["timeline"]:
        answered[min(int(moment["at_s"]), len(answered) - 1)] += moment["answered"]
    return answered


if __name__ == "__main__":
    main()
