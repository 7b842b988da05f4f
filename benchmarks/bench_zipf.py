"""Hundreds of models on the memory of twenty: who stays, what a load on request takes, and whether the budget holds.

    python -m benchmarks.bench_zipf [--models 500] [--seconds 300] [--saturate 15] [--rate R] [--folder FOLDER]
    python -m benchmarks.bench_zipf --simulate

Models differ in their weights only (5 MB) and are asked for by Zipf's law, s = 1.0, with a seed. The rate is 60 % of
what a closed loop of 16 clients reaches, unless it is given. The budget is what the server and its warm processes take,
and 20 times what a model takes. Hits are requests that found their model in memory; beside them is an ideal LRU of 20
on the same order. Memory is read from /proc by the benchmark itself, not taken from the server's word.
"""

import argparse
import http.client
import json
import os
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.results import keep
from benchmarks.server import Address, headrace
from benchmarks.zipf_models import WIDTH, make
from benchmarks.zipf_order import eviction_hits, lru_hits, zipf
from headrace.memory.processes import family, taken_by

PLACES = 20
CLIENTS = 16
LOOKED_S = 4.0  # by then memory was measured once more, with the pool as it is when nothing loads
SEED = 20
SETTINGS = ("models.lazy=true", "models.load_parallel=2", "batching.sweep_s=0", "batching.lanes=1", "workers.threads=1")
INFER = json.dumps({"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, WIDTH], "data": [0.5] * WIDTH}]}).encode()


class Answer(NamedTuple):
    seconds: float  # since it was due
    status: int


class Client(threading.local):
    """One connection a thread, kept alive."""

    def __init__(self, address: str) -> None:
        self.connection = http.client.HTTPConnection(address, timeout=120)

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        try:
            self.connection.request(method, path, body, {"content-type": "application/json"})
            response = self.connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException):
            self.connection.close()
            return 0, b""

    def infer(self, name: str, due_s: float) -> Answer:
        status, _ = self.ask("POST", f"/v2/models/{name}/infer", INFER)
        return Answer(time.perf_counter() - due_s, status)

    def memory(self) -> dict[str, Any]:
        self.connection.close()  # it may have been idle for too long
        told: dict[str, Any] = json.loads(self.ask("GET", "/v2/headrace/memory")[1])
        return told


@contextmanager
def most_memory(pid: int) -> Iterator[Callable[[], int]]:
    """Reads what a server takes twice a second; tells the most that it was."""
    most, over = [0], threading.Event()

    def watch() -> None:
        while not over.wait(0.5):
            most[0] = max(most[0], sum(each.pss_bytes for each in taken_by(family(pid).resident).values()))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield lambda: most[0]
    finally:
        over.set()
        thread.join()


def budget_bytes(folder: Path, names: Sequence[str]) -> int:
    """What the server and its warm processes take, and twenty times what a model does."""
    with headrace(folder, *SETTINGS) as address:
        client = Client(address.http)
        for name in names[:PLACES]:  # so that libraries are shared by as many as then
            client.infer(name, time.perf_counter())
        time.sleep(LOOKED_S)
        told = client.memory()
        each = statistics.median(model["measured_bytes"] for model in told["models"])
        return int(sum(part["measured_bytes"] for part in told["parts"]) + PLACES * each)


def closed(client: Client, names: Sequence[str], seconds: float) -> float:
    """Answers a second of so many clients that wait for each."""
    until, answered = time.perf_counter() + seconds, [0] * CLIENTS

    def loop(index: int) -> None:
        order = zipf(len(names), 100_000, SEED + 1 + index)
        while time.perf_counter() < until:
            client.infer(names[order[answered[index]]], 0.0)
            answered[index] += 1

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(loop, range(CLIENTS)))
    return sum(answered) / seconds


def opened(client: Client, names: Sequence[str], order: Sequence[int], rate: float) -> list[Answer]:
    """Every request at its time, whatever became of those before it."""
    draw = random.Random(SEED)
    due_s, answers = time.perf_counter() + 0.1, []
    with ThreadPoolExecutor(128) as pool:
        for model in order:
            due_s += draw.expovariate(rate)
            time.sleep(max(0.0, due_s - time.perf_counter()))
            answers.append(pool.submit(client.infer, names[model], due_s))
    return [answer.result() for answer in answers]


def idle(client: Client, names: Sequence[str]) -> list[float]:
    """First requests, one after the other, in milliseconds."""
    found = []
    for name in names:
        time.sleep(0.15)
        found.append(client.infer(name, time.perf_counter()).seconds * 1e3)
    return found


def measured(address: Address, names: Sequence[str], args: argparse.Namespace, budget: int) -> dict[str, Any]:
    client = Client(address.http)
    with most_memory(address.pid) as most:
        alone = idle(client, names[-12:])
        saturation = args.rate / 0.6 if args.rate else closed(client, names, args.saturate)
        rate = 0.6 * saturation
        order = zipf(len(names), int(rate * args.seconds), SEED)
        before = client.memory()["requests_for_sleeping"]
        answers = opened(client, names, order, rate)
        misses = client.memory()["requests_for_sleeping"] - before
        lru = lru_hits(order, PLACES)
        waited = sorted(answer.seconds * 1e3 for answer in answers)[
            -max(1, misses) :
        ]  # the slowest are those that missed
        hits = 1 - misses / len(order)
        return {
            "saturation, requests/s": round(saturation, 1),
            "rate, requests/s": round(rate, 1),
            "requests": len(order),
            "failed": sum(answer.status != 200 for answer in answers),
            "hit rate": round(hits, 3),
            "hit rate of an ideal LRU": round(lru, 3),
            "above LRU, points": round(100 * (hits - lru), 1),
            "hit rate of the same decisions, loads taking no time": round(eviction_hits(order, PLACES, rate), 3),
            "first request of a model, p50, ms, idle": round(statistics.median(alone), 1),
            "request that missed, p50, ms, under load": round(statistics.median(waited), 1),
            "budget, MiB": round(budget / 2**20, 1),
            "most memory, MiB": round(most() / 2**20, 1),
        }


def simulated(models: int) -> dict[str, Any]:
    """The decisions alone, over five minutes at several rates."""
    orders = {rate: zipf(models, rate * 300, SEED) for rate in (5, 20, 60)}
    return {
        f"{rate}/s": {"lru": round(lru_hits(order, PLACES), 3), "ours": round(eviction_hits(order, PLACES, rate), 3)}
        for rate, order in orders.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--saturate", type=float, default=15.0)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--budget", type=int, help="bytes, where it was measured before")
    parser.add_argument("--simulate", action="store_true")
    args = parser.parse_args()
    if args.simulate:
        keep("zipf_simulated", simulated(args.models))
        return
    with tempfile.TemporaryDirectory() as temporary:
        os.environ["XDG_CACHE_HOME"] = os.environ["XDG_STATE_HOME"] = temporary
        folder = args.folder or Path(temporary) / "models"
        names = make(folder, args.models, SEED)
        budget = args.budget or budget_bytes(folder, names)
        with headrace(folder, *SETTINGS, f"memory.budget={budget}B", "log.level=error") as address:
            keep("zipf", {"seconds": args.seconds, **measured(address, names, args, budget)})


if __name__ == "__main__":
    main()
