"""What a scrape of many models costs, and how long it keeps the event loop from others.

    python -m benchmarks.bench_scrape [--models 200] [--rounds 15]

Every model has one version that has answered, failed and run batches of all sizes, and a worker process. A page is made
on an event loop, alone, which says what processor time it costs; then beside a task that asks for a turn all the time.
A stall is the longest time between two of its turns: of processor time, and, other programs' included, of a clock.
"""

import argparse
import asyncio
import os
import time
from contextlib import suppress

import uvloop

from benchmarks.results import keep, spread
from headrace.observe.metrics import Metrics, Readings
from headrace.observe.tally import Tally
from headrace.records import BatchRecord, ModelEvent, Record, RequestRecord, WorkerEvent
from headrace.types import Backlog, BatchFacts, ModelVersion
from tests.observe.make import hand_on

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OPENMETRICS = "application/openmetrics-text"
CODES = ("", "", "", "queue_full", "invalid_request", "deadline_exceeded", "cancelled")
PROTOCOLS = ("http", "grpc")


def main() -> None:
    arguments = _arguments()
    figures = {
        name: uvloop.run(_measure(arguments.models, arguments.rounds, accept))
        for name, accept in (("text", ""), ("openmetrics", OPENMETRICS))
    }
    keep("scrape", {"models": arguments.models, **figures})


async def _measure(num_models: int, rounds: int, accept: str) -> dict[str, object]:
    metrics = _metrics(num_models)
    _, page = await metrics.page(accept)
    cpu_ms, stall_cpu_ms, stall_ms = list[float](), list[float](), list[float]()
    for _ in range(rounds):
        before = time.process_time_ns()
        await metrics.page(accept)
        cpu_ms.append((time.process_time_ns() - before) / 1e6)
        gaps = _Gaps()
        beside = asyncio.create_task(gaps.run())
        await asyncio.sleep(0)
        await metrics.page(accept)
        beside.cancel()
        with suppress(asyncio.CancelledError):
            await beside
        stall_ms.append(gaps.longest_ns / 1e6)
        stall_cpu_ms.append(gaps.longest_cpu_ns / 1e6)
    return {
        "lines": page.count(b"\n"),
        "bytes": len(page),
        "cpu_ms": spread(cpu_ms),
        "stall_cpu_ms": spread(stall_cpu_ms),
        "stall_ms": spread(stall_ms),
    }


class _Gaps:
    """How long the turns of a task were in coming, at most."""

    def __init__(self) -> None:
        self.longest_ns = 0
        self.longest_cpu_ns = 0

    async def run(self) -> None:
        last_ns, last_cpu_ns = time.perf_counter_ns(), time.thread_time_ns()
        while True:
            await asyncio.sleep(0)
            now_ns, now_cpu_ns = time.perf_counter_ns(), time.thread_time_ns()
            self.longest_ns = max(self.longest_ns, now_ns - last_ns)
            self.longest_cpu_ns = max(self.longest_cpu_ns, now_cpu_ns - last_cpu_ns)
            last_ns, last_cpu_ns = now_ns, now_cpu_ns


def _metrics(num_models: int) -> Metrics:
    names, tally = [f"model_{number:03d}" for number in range(num_models)], Tally()
    for name in names:
        hand_on(_records(name), tally)
    backlogs = [(ModelVersion(name, 1), Backlog(1, 1)) for name in names]
    return Metrics(tally, Readings(lambda: 7, lambda: backlogs, lambda: 0))


def _records(name: str) -> list[Record]:
    version = ModelVersion(name, 1)
    records: list[Record] = [
        WorkerEvent(version, 0, "started", "", 0.0, os.getpid()),
        ModelEvent(name, 1, "READY", "", 0.0, 1.0),
    ]
    for step in range(60):
        took_ns, rows = int(100_000 * 1.25**step), 1 << step % 12
        facts = BatchFacts(rows, rows, ("idle", "size", "deadline")[step % 3], 0, step, 1, took_ns, 1)
        records.append(BatchRecord(version, facts))
        of = str(step), name, 1, PROTOCOLS[step % 2], rows, step, step + 10, step + took_ns, facts
        records.append(RequestRecord(*of, CODES[step % len(CODES)], TRACE))
    return records


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=15)
    return parser.parse_args()


if __name__ == "__main__":
    main()
