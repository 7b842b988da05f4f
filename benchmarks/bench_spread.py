"""A batch on all threads at once, and with its rows shared out among them: MiniLM, 64 tokens, the bare runtime.

    python -m benchmarks.bench_spread [--rounds 12] [--seconds 1]

Both ways take turns in one process, for each size of batch; rows of a second.
"""

import argparse
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks.bare_onnx import TOKENS, plain
from benchmarks.results import keep, spread

MODEL = Path("models/minilm/1/model.onnx")
BATCHES = (2, 4, 8, 16, 32)
Run = Callable[[], object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=1.0)
    asked = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    whole, one = plain(str(MODEL), cores), plain(str(MODEL), 1)

    def run_part(part: dict[str, np.ndarray]) -> list[np.ndarray]:
        found: list[np.ndarray] = one.run(None, part)
        return found

    figures: dict[str, object] = {"threads": cores}
    with ThreadPoolExecutor(cores) as threads:
        for rows in (each for each in BATCHES if each >= cores):
            batch = {each.name: np.zeros((rows, TOKENS), np.int64) for each in whole.get_inputs()}
            names = list(batch)  # parts are views, as a batch's are
            split = zip(*(np.array_split(batch[name], cores) for name in names), strict=True)
            parts = [dict(zip(names, part, strict=True)) for part in split]

            def on_all(batch: dict[str, np.ndarray] = batch) -> object:
                return whole.run(None, batch)

            def shared_out(parts: list[dict[str, np.ndarray]] = parts) -> object:
                found = list(threads.map(run_part, parts))
                return [np.concatenate(each) for each in zip(*found, strict=True)]

            rates: dict[str, list[float]] = {"whole": [], "spread": []}
            for _ in range(asked.rounds):
                for name, run in (("whole", on_all), ("spread", shared_out)):
                    rates[name].append(rows * runs_per_second(run, asked.seconds))
            figures[f"{rows} rows"] = {name: spread(values) for name, values in rates.items()} | {
                "spread / whole": spread([b / a for a, b in zip(rates["whole"], rates["spread"], strict=True)])
            }
    keep("spread", figures)


def runs_per_second(run: Run, seconds: float) -> float:
    run()
    began, runs = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        run()
        runs += 1
    return runs / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
