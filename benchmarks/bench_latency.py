"""How well the time of a run is foreseen, and what a token costs by rows and length: MiniLM on the bare runtime.

    python -m benchmarks.bench_latency [--model models/minilm] [--threads 2] [--seconds 20] [--budget 0.5]

First the sweep of a model that is loaded, then batches as texts come (log-normal lengths, median 24 tokens, padded to
the longest), each foreseen before it is run; last every size of a grid, which gives the cost of a token.
"""

import argparse
import asyncio
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from benchmarks.results import keep, spread
from headrace.batching.latency import Latency
from headrace.batching.sweep import Size, Sweep, measure, sizes
from headrace.runtimes.onnx import Onnx
from headrace.runtimes.runtime import LoadedModel
from headrace.types import Manifest

NAMES = ("input_ids", "attention_mask", "token_type_ids")
ROWS = (1, 2, 4, 8, 16, 32)
LENGTHS = (5, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256)
DEAR_NS = 100e6  # a run of a grid that is made once, not five times


def main() -> None:
    arguments = _arguments()
    (file,) = Path(arguments.model).rglob("model.onnx")
    model = Onnx().load(Manifest("bench", 1, file, "onnx"), arguments.threads)
    for _ in range(5):
        took_ns(model, 1, 8)
    latency, sweep = Latency(), Sweep(sizes(32, 256), arguments.budget * 1e9)

    async def run(rows: int, length: int) -> float:
        return took_ns(model, rows, length)

    begin = time.monotonic()
    runs = asyncio.run(measure(sweep, run, latency))
    swept = {"runs": runs, "s": round(time.monotonic() - begin, 2)}
    as_swept = Latency.from_json(latency.to_json())
    as_they_come = _as_they_come(model, latency, arguments.seconds)
    grid = _grid(model)
    figures = {
        "sweep": swept,
        "off the grid's medians, after the sweep": _off(as_swept, grid),
        "off the grid's medians, after batches as they come": _off(latency, grid),
        "batches as they come": as_they_come,
        "us a token": {
            f"{rows} rows": {length: round(grid[Size(rows, length)] / rows / length / 1e3, 1) for length in LENGTHS}
            for rows in ROWS
        },
        "ms": {
            f"{rows} rows": {length: round(grid[Size(rows, length)] / 1e6, 2) for length in LENGTHS} for rows in ROWS
        },
    }
    keep("latency", figures)


def took_ns(model: LoadedModel, rows: int, length: int) -> float:
    """One run."""
    ones = np.ones((rows, length), dtype=np.int64)
    begin = time.perf_counter_ns()
    model.run(dict.fromkeys(NAMES, ones), ())
    return float(time.perf_counter_ns() - begin)


def _as_they_come(model: LoadedModel, latency: Latency, seconds: float) -> dict[str, object]:
    dice, end = random.Random(7), time.monotonic() + seconds
    off: list[float] = []
    missed: list[bool] = []
    by_ms: dict[str, list[float]] = defaultdict(list)
    while time.monotonic() < end:
        rows = dice.choice((1, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32))
        length = max(min(max(int(dice.lognormvariate(np.log(24), 0.8)), 5), 256) for _ in range(rows))
        typical, late = latency.typical(rows, length), latency.late(rows, length)
        ns = took_ns(model, rows, length)
        latency.learn(rows, length, ns)
        off.append(abs(ns / typical - 1))
        missed.append(ns > late)
        by_ms[next(name for most, name in _CLASSES if typical < most)].append(ns / typical)
    return {
        "runs": len(off),
        "median off": round(statistics.median(off), 3),
        "p90 off": round(float(np.quantile(off, 0.9)), 3),
        "later than late": round(statistics.mean(missed), 4),
        "later than late, after 300": round(statistics.mean(missed[300:] or [False]), 4),
        "late / typical at the end": round(latency.late(4, 24) / latency.typical(4, 24), 2),
        "actual / typical, 99th of 100": {
            name: f"{np.quantile(ratios, 0.99):.2f} of {len(ratios)}" for name, ratios in sorted(by_ms.items())
        },
    }


_CLASSES = ((4e6, "1: under 4 ms"), (16e6, "2: 4 to 16 ms"), (64e6, "3: 16 to 64 ms"), (float("inf"), "4: over 64 ms"))


def _grid(model: LoadedModel) -> dict[Size, float]:
    """The median of each size, measured in rounds so that a slow second does not fall on one of them."""
    taken: dict[Size, list[float]] = defaultdict(list)
    for turn in range(5):
        for size in (Size(rows, length) for rows in ROWS for length in LENGTHS):
            if not turn or taken[size][0] < DEAR_NS:
                taken[size].append(took_ns(model, *size))
    return {size: statistics.median(times) for size, times in taken.items()}


def _off(latency: Latency, grid: dict[Size, float]) -> dict[str, float]:
    """Relative errors, once the speed of the machine, which moves between the two, is taken out."""
    ratios = [latency.typical(*size) / ns for size, ns in grid.items()]
    speed = statistics.median(ratios)
    return {"speed": round(speed, 3), **spread(_abs(ratio / speed - 1 for ratio in ratios))}


def _abs(values: Iterable[float]) -> list[float]:
    return [abs(value) for value in values]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="models/minilm")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--budget", type=float, default=0.5)
    return parser.parse_args()


if __name__ == "__main__":
    main()
