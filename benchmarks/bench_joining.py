"""What joining texts into runs can bring at best: MiniLM's file run bare, and the best runs reckoned from its times.

    python -m benchmarks.bench_joining [--file int8.onnx] [--rounds 5] [--threads 1] [--overhead-ms 0,0.4]

Of so many texts that wait together, without deadlines: each alone; those of equal length joined, as `fixed` does; and
the best of all ways to join them where shorter ones are filled up, by trying every cut of them in order of length. No
policy does more than the last. `overhead` is what a server adds to each run: it is what joining saves first. A server
that gives each run one thread, as it does where two runs beside each other bring more, has what one thread shows.
"""

import argparse
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.results import keep
from headrace.arrivals import Lengths
from headrace.batching.cost_surface import CostSurface, logarithm, nanoseconds
from headrace.devices.inventory import cores
from headrace.repository.model_folder import read_model_folder
from headrace.repository.variants import files_of
from headrace.runtimes.load import Loading, load
from headrace.runtimes.runtime import LoadedModel
from headrace.types import BatchAxis

TEXTS = Lengths(24, 0.8, 5, 256)
ROWS, TOKENS, MOST = (1, 2, 4, 8, 16, 32), (4, 8, 16, 32, 64, 128, 256), 1024
"""Sizes that are run, of at most so many tokens together."""

WAITING = (10, 20, 40, 80)
MOST_ROWS = 32
DRAWN = 1600  # texts, cut to as many as wait together


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--file", default="int8.onnx")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=int(cores()))
    parser.add_argument("--overhead-ms", type=lambda text: list(map(float, text.split(","))), default=[0.0, 0.4])
    arguments = parser.parse_args()
    known = measured(model(arguments.file, arguments.threads), arguments.rounds)
    drawn = [int(length) for length in TEXTS.draw(DRAWN, np.random.default_rng(0))]
    figures = {
        f"{count} waiting, {extra_ms:g} ms more a run": reckoned(known, drawn, count, extra_ms)
        for extra_ms in arguments.overhead_ms
        for count in WAITING
    }
    sizes = {f"{rows} x {tokens}": round(takes_ns(known, rows, tokens) / 1e6, 2) for rows, tokens in tried()}
    keep("joining", {"file": arguments.file, "threads": arguments.threads, "ms": sizes, "ms a text": figures})


def model(file: str, threads: int) -> LoadedModel:
    (manifest,) = read_model_folder("minilm", Path("models/minilm")).manifests
    (found,) = [each for _, each in files_of(manifest) if each.path.name == file]
    return load(Loading(found, threads, 64, 1e-3, BatchAxis(True, 64))).model


def tried() -> list[tuple[int, int]]:
    return [(rows, tokens) for rows in ROWS for tokens in TOKENS if rows * tokens <= MOST]


def measured(loaded: LoadedModel, rounds: int) -> CostSurface:
    """What its quicker runs take, size after size in each round: what holds some up says nothing of joining."""
    known, random = CostSurface(), np.random.default_rng(0)
    took: dict[tuple[int, int], list[float]] = {size: [] for size in tried()}
    for _ in range(rounds + 1):
        for size, times in took.items():
            ids = random.integers(1000, 20_000, size)
            texts = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
            begin = time.perf_counter_ns()
            loaded.run(texts, ())
            times.append(time.perf_counter_ns() - begin)
    for (rows, tokens), times in took.items():
        for ns in sorted(times)[: rounds // 2 + 1]:
            known.add(rows, tokens, logarithm(ns))
    return known


def takes_ns(known: CostSurface, rows: int, tokens: int) -> float:
    return nanoseconds(known.log_ns(rows, tokens))


def reckoned(known: CostSurface, drawn: Sequence[int], count: int, extra_ms: float) -> dict[str, float]:
    """Milliseconds a text, by who may share a run."""
    extra_ns = extra_ms * 1e6
    alone = equal = best = 0.0
    for at in range(0, len(drawn), count):
        texts = sorted(drawn[at : at + count])
        alone += sum(takes_ns(known, 1, length) + extra_ns for length in texts)
        equal += sum(takes_ns(known, rows, length) + extra_ns for length, rows in Counter(texts).items())
        best += best_ns(known, texts, extra_ns)
    each = {"alone": alone, "equal lengths": equal, "best": best}
    found = {name: round(ns / len(drawn) / 1e6, 3) for name, ns in each.items()}
    return {**found, "best over equal": round(equal / best, 3), "best over alone": round(alone / best, 3)}


def best_ns(known: CostSurface, texts: Sequence[int], extra_ns: float) -> float:
    """Of all cuts of texts in order of length into runs, what the quickest takes."""
    least = [0.0]
    for end in range(1, len(texts) + 1):
        begins = range(max(0, end - MOST_ROWS), end)
        least.append(min(least[begin] + takes_ns(known, end - begin, texts[end - 1]) for begin in begins) + extra_ns)
    return least[-1]


if __name__ == "__main__":
    main()
