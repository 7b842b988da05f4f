"""A decoder's bare steps at each precision: milliseconds by sequences, likelihood of real text, share of the bandwidth.

    python -m benchmarks.bench_step MODEL [--rounds 5] [--precisions f32 int8 int8:openvino int4 int4:openvino]

Precisions take turns; those behind whose name `:openvino` stands have no kernels of our own. A step of n sequences
gives each its 129th token; the prompt has 512. Nothing is sampled,
scheduled or served: this is the line that the engine is held against.
"""

import argparse
import os
import re
import statistics
import threading
import time
from importlib import metadata
from math import prod
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.results import keep, spread
from headrace.cache_folder import cache_folder
from headrace.devices.huge_pages import move_own_memory
from headrace.devices.inventory import cores
from headrace.graphs.linear import Precision
from headrace.llm.tokenizer import load
from headrace.runtimes.language import TokenBatch
from headrace.runtimes.openvino_language import BLOCK_SIZE, OpenVinoLanguage
from headrace.runtimes.openvino_open import Choices, Opened, load_language
from headrace.weights.checkpoint import Checkpoint

SEQUENCES = (1, 8, 32)
CONTEXT, PROMPT, TEXT = 128, 512, 1000
DEFAULT = ["f32", "int8", "int8:openvino", "int4", "int4:openvino"]
BITS = {"f32": 32.0, "bf16": 16.0, "int8": 8.0, "int4": 4.0, "tiles8": 8.0, "tiles4": 4.0}
SCALE_BITS = 16  # of a group of int4
WARM_STEPS, STEPS = 3, 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--precisions", nargs="+", default=DEFAULT)
    asked = parser.parse_args()
    opened: dict[str, Opened] = {}
    for name in asked.precisions:
        precision, _, kernels = name.partition(":")
        choices = Choices(int(cores()), precision, kernels=kernels or "auto", cache=cache_folder(os.environ))
        if precision == "f32":
            choices = msgspec.structs.replace(choices, kv_precision="f32")
        opened[name] = load_language(asked.model, choices)
        opened[name].model.allocate(1 + max(SEQUENCES) * (CONTEXT // BLOCK_SIZE + 1))
    move_own_memory()  # as the server does
    likelihoods = {name: likelihood(each) for name, each in opened.items()}
    series: dict[str, dict[str, list[float]]] = {name: {} for name in opened}
    for _ in range(asked.rounds):
        for name, each in opened.items():
            for what, value in timings(each.model).items():
                series[name].setdefault(what, []).append(value)
    figures: dict[str, Any] = {"model": asked.model.name, "threads": int(cores())}
    for name, each in opened.items():
        figures[name] = described(name, each, series[name], likelihoods[name])
        for what, values in series[name].items() if name != next(iter(series)) else ():
            pairs = zip(series[next(iter(series))][what], values, strict=True)
            figures[name][f"times as fast as {next(iter(series))}, {what}"] = spread([a / b for a, b in pairs])
    keep("step", figures)


def described(name: str, each: Opened, series: dict[str, list[float]], nats: float) -> dict[str, Any]:
    """The figures of one precision."""
    size = step_bytes(each.checkpoint, each.plan.precision)
    rate = size / (statistics.median(series["1 sequence"]) / 1e3) / 1e9
    line = read_rate(size)
    return {
        "held": each.plan.text,
        "nats a token": round(nats, 4),
        "weights read in a step, MB": round(size / 1e6, 1),
        "GB/s at 1 sequence": round(rate, 1),
        "GB/s of a plain read": round(line, 1),
        "share of the bandwidth": round(rate / line, 3),
        "ms": {what: spread(values) for what, values in series.items()},
    }


def timings(model: OpenVinoLanguage) -> dict[str, float]:
    """Median milliseconds of each kind of step."""
    found = {}
    width = CONTEXT // BLOCK_SIZE + 1
    for count in SEQUENCES:
        tables = [range(1 + width * i, 1 + width * (i + 1)) for i in range(count)]
        step = batch([([500], CONTEXT, table) for table in tables])
        found[f"{count} sequence{'s' * (count > 1)}"] = median_ms(model, step, STEPS)
    found["prompt of 512"] = median_ms(model, batch([([500] * PROMPT, 0, range(1, 1 + PROMPT // BLOCK_SIZE))]), 1)
    return found


def median_ms(model: OpenVinoLanguage, step: TokenBatch, count: int) -> float:
    times = []
    for _ in range(min(WARM_STEPS, count) + count):
        begun = time.perf_counter()
        model.start(step)
        model.wait()
        times.append((time.perf_counter() - begun) * 1e3)
    return statistics.median(times[-count:])


def likelihood(opened: Opened) -> float:
    """Mean negative log-likelihood of the tokens of some documentation, three windows of it."""
    pages = "".join(metadata.metadata(name)["Description"] for name in ("anyio", "starlette", "httpx", "openai"))
    prose = re.sub(r"<[^>]+>|\]\([^)]*\)", "", re.sub(r"\[!\[.*?\]\(.*?\)\]\(.*?\)", "", pages))
    ids = load(opened.checkpoint.tokenizer).encode(prose)
    return statistics.mean(_window(opened.model, ids[i * TEXT : (i + 1) * TEXT]) for i in range(3))


def _window(model: OpenVinoLanguage, ids: list[int], chunk: int = 256) -> float:
    total = 0.0
    for begin in range(0, len(ids), chunk):
        part, nexts = ids[begin : begin + chunk], ids[begin + 1 : begin + chunk + 1]
        model.start(batch([(part, begin, range(1, 64))], range(len(nexts))))
        logits: NDArray[np.float64] = model.wait().astype(np.float64)
        logits -= logits.max(axis=1, keepdims=True)
        total += float(np.log(np.exp(logits).sum(axis=1)).sum() - logits[np.arange(len(nexts)), nexts].sum())
    return total / (len(ids) - 1)


def step_bytes(checkpoint: Checkpoint, precision: Precision) -> int:
    """Weights that a step of one sequence reads: all matrices, of an embedding that is no head one row."""
    total = 0.0
    for name, weight in checkpoint.weights.items():
        if len(weight.shape) < 2 or (name == "embed" and "head" in checkpoint.weights):
            continue
        form = form_of(name, precision, checkpoint.architecture.num_layers)
        bits = BITS[form] + (SCALE_BITS / precision.group if form in ("int4", "tiles4") else 0)
        total += prod(weight.shape) * bits / 8
    return int(total)


def form_of(name: str, precision: Precision, num_layers: int) -> str:
    """How a matrix is held."""
    if name in ("embed", "head"):
        return precision.head
    if name.endswith(".down"):
        return precision.ending(int(name.split(".")[1]), num_layers).weights
    return precision.weights


def read_rate(size: int) -> float:
    """GB/s at which all threads read that many bytes again and again; the best of ten."""
    count = int(cores())
    parts = np.array_split(np.ones(size // 8), count)
    best = 0.0
    for _ in range(10):
        threads = [threading.Thread(target=np.max, args=(part,)) for part in parts]
        begun = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        best = max(best, size / (time.perf_counter() - begun) / 1e9)
    return best


def batch(parts: list[tuple[list[int], int, range]], rows: range | None = None) -> TokenBatch:
    """(tokens, cached, block table) of each sequence; wanted are each one's last row, or `rows`."""
    begins = np.cumsum([0, *(len(ids) for ids, _, _ in parts)])
    tables = [table[: -(-(cached + len(ids)) // BLOCK_SIZE)] for ids, cached, table in parts]
    return TokenBatch(
        np.concatenate([ids for ids, _, _ in parts]).astype(np.int64),
        np.concatenate([np.arange(cached, cached + len(ids)) for ids, cached, _ in parts]),
        np.array([cached for _, cached, _ in parts], np.int32),
        begins.astype(np.int32),
        np.concatenate(tables).astype(np.int32),
        np.cumsum([0, *map(len, tables)]).astype(np.int32),
        np.asarray(begins[1:] - 1 if rows is None else rows, np.int64),
    )


if __name__ == "__main__":
    main()
