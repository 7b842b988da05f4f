"""How much faster MiniLM's variants are than its file in float32, run by run, as a worker runs them.

    python -m benchmarks.bench_variants [models/minilm] [--rounds 9]

Variants, and the float32 file on OpenVINO beside them, are run in turn on rows of one length; a figure is the median
time and the median of the ratios of float32 on ONNX Runtime to it in the same round.
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np

from benchmarks.results import keep
from headrace.devices.inventory import cores
from headrace.repository.model_folder import read_model_folder
from headrace.repository.variants import files_of
from headrace.runtimes.load import Loading, load
from headrace.runtimes.runtime import Arrays, LoadedModel
from headrace.types import BatchAxis, Manifest, Variant

TOKENS, ROWS = (24, 64, 128), (1, 8, 16)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time MiniLM's variants beside one another.")
    parser.add_argument("model", nargs="?", type=Path, default=Path("models/minilm"))
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    (manifest,) = read_model_folder("minilm", arguments.model).manifests
    own, *others = manifest.variants
    beside = Variant(f"{own.name} on openvino", own.path, "openvino", own.accuracy)
    models = {name: _loaded(each) for name, each in files_of(_with(manifest, (own, *others, beside)))}
    figures = {
        f"{rows} x {tokens} tokens": _measure(models, own.name, _texts(rows, tokens), arguments.rounds)
        for tokens in TOKENS
        for rows in ROWS
    }
    keep(
        "variants", {"threads": int(cores()), "accuracy": {each.name: each.accuracy for each in others}, "ms": figures}
    )


def _with(manifest: Manifest, variants: tuple[Variant, ...]) -> Manifest:
    return Manifest(manifest.name, manifest.version, manifest.path, manifest.runtime, variants=variants)


def _loaded(manifest: Manifest) -> LoadedModel:
    return load(Loading(manifest, int(cores()), 64, 1e-3, BatchAxis(True, 64))).model


def _texts(rows: int, tokens: int) -> Arrays:
    ids = np.random.default_rng(0).integers(1000, 20_000, (rows, tokens))
    return {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}


def _measure(models: dict[str, LoadedModel], exact: str, texts: Arrays, rounds: int) -> dict[str, dict[str, float]]:
    taken: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(rounds + 1):
        for name, model in models.items():
            begin = time.perf_counter()
            model.run(texts, ())
            taken[name].append((time.perf_counter() - begin) * 1e3)
    return {
        name: {
            "median": round(statistics.median(times[1:]), 2),
            "times as fast": round(
                statistics.median(a / b for a, b in zip(taken[exact][1:], times[1:], strict=True)), 2
            ),
        }
        for name, times in taken.items()
    }


if __name__ == "__main__":
    main()
