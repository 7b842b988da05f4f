"""What numbers below a float's full precision cost in masked softmaxes: MiniLM with them kept, and taken as zero.

    python -m benchmarks.bench_tiny_numbers [--file int8.onnx] [--rounds 25]

Two models of one file take turns, on one thread and on all, with texts that fill their rows and with some that do not:
only behind the latter are places that a mask leaves out. A ratio above 1 says how much quicker it is without.
"""

import argparse
import statistics
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from benchmarks.results import keep, spread
from headrace.devices.inventory import cores
from headrace.repository.model_folder import read_model_folder
from headrace.repository.variants import files_of
from headrace.runtimes.onnx import TINY_NUMBERS, Onnx
from headrace.runtimes.runtime import Arrays, LoadedModel

LENGTHS = {
    "16 of 24": [24] * 16,
    "16 of 10 to 64": [10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 36, 40, 50, 64],
    "8 of 20 to 100": [20, 30, 40, 50, 60, 70, 80, 100],
    "5 of 100 to 200": [100, 110, 120, 140, 200],
}
"""Texts by their tokens."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--file", default="int8.onnx")
    parser.add_argument("--rounds", type=int, default=25)
    asked = parser.parse_args()
    figures: dict[str, Any] = {"file": asked.file}
    for threads in sorted({1, int(cores())}):
        ways = {way: model(asked.file, threads, way) for way in TINY_NUMBERS}
        for name, lengths in LENGTHS.items():
            figures[f"{name} tokens, threads {threads}"] = compared(ways, texts(lengths), asked.rounds)
    keep("tiny_numbers", figures)


def model(file: str, threads: int, way: str) -> LoadedModel:
    (manifest,) = read_model_folder("minilm", Path("models/minilm")).manifests
    (found,) = [each for _, each in files_of(manifest) if each.path.name == file]
    said = msgspec.structs.replace(found, parameters={**found.parameters, "tiny_numbers": way})
    return Onnx().load(said, threads)


def texts(lengths: list[int]) -> Arrays:
    """Rows filled up to the longest."""
    mask = (np.arange(max(lengths)) < np.array(lengths)[:, None]).astype(np.int64)
    ids = np.random.default_rng(0).integers(1000, 20_000, mask.shape) * mask
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}


def compared(ways: dict[str, LoadedModel], inputs: Arrays, rounds: int) -> dict[str, Any]:
    """The medians in ms, and the ratios of turns that followed one another."""
    turns = [{way: took_ms(each, inputs) for way, each in ways.items()} for _ in range(rounds + 2)][2:]
    return {
        "ms": {way: round(statistics.median(turn[way] for turn in turns), 2) for way in ways},
        "times as quick": spread([turn["kept"] / turn["zero"] for turn in turns]),
    }


def took_ms(model: LoadedModel, inputs: Arrays) -> float:
    begin = time.perf_counter()
    model.run(inputs, ())
    return (time.perf_counter() - begin) * 1e3


if __name__ == "__main__":
    main()
