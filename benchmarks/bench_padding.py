"""MiniLM: texts of several lengths padded into one run, against as many of one length, and against each alone.

    python -m benchmarks.bench_padding [--rounds 5]

Lengths are log-normal (median 24 tokens, sigma 0.8, 5 to 256). Beside it, the same texts in two runs, short and long
ones apart, and what joining and splitting take of the event loop.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.results import keep, spread
from headrace.arrays import from_array
from headrace.batching.check import Check
from headrace.batching.collate import join, split
from headrace.runtimes.execute import execute
from headrace.runtimes.load import Loaded, Loading, load
from headrace.types import Manifest, ModelRef, Request, Tensor

MODEL = Path("models/minilm/1/model.onnx")
ROWS = (4, 16)
RUNTIMES = ("onnx", "openvino")


class Item(NamedTuple):
    request: Request
    rows: int
    length: int


class Spent(NamedTuple):
    """Seconds of a run, and of that on laying rows together and taking answers apart."""

    run: float
    collated: float


def texts(lengths: Sequence[int], check: Check) -> list[Item]:
    """A request for each length."""
    items = []
    for length in lengths:
        ids = np.random.default_rng(length).integers(1000, 30000, (1, length))
        arrays = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        request = Request("", ModelRef("m"), tuple(from_array(name, array) for name, array in arrays.items()))
        items.append(Item(request, 1, check(request).length))
    return items


def run(model: Loaded, items: Sequence[Item]) -> Spent:
    """One run of these texts, from requests to answers."""
    pad = model.signature.batch.pad
    started = time.perf_counter()
    work = join(items, True, pad)
    joined = time.perf_counter()
    tensors = [Tensor(rows.name, rows.datatype, rows.shape, b"".join(rows.parts)) for rows in work.inputs]
    outputs = tuple(execute(model.model, model.signature, tensors).outputs)
    computed = time.perf_counter()
    split(outputs, items, pad)
    ended = time.perf_counter()
    return Spent(ended - started, joined - started + ended - computed)


def runs(model: Loaded, groups: Sequence[Sequence[Item]]) -> Spent:
    """Several runs, one after the other."""
    spent = [run(model, group) for group in groups]
    return Spent(sum(each.run for each in spent), sum(each.collated for each in spent))


def least(measured: Callable[[], Spent], times: int = 5) -> Spent:
    """The quickest of a few."""
    return min((measured() for _ in range(times)), key=lambda spent: spent.run)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    series: dict[str, list[float]] = {}
    for runtime in RUNTIMES:
        model = load(Loading(Manifest("m", 1, MODEL, runtime), 2, 64, 1e-3))
        check = Check(model.signature)
        for at in range(rounds):
            for rows in ROWS:
                drawn = np.random.default_rng(at).lognormal(np.log(24), 0.8, rows)
                lengths = sorted(int(length) for length in np.clip(drawn, 5, 256))
                mixed, equal = texts(lengths, check), texts([round(np.mean(lengths))] * rows, check)
                half = rows // 2
                ways = {
                    "equal": [equal],
                    "padded": [mixed],
                    "two runs": [mixed[:half], mixed[half:]],
                    "each alone": [[item] for item in mixed],
                }
                for way, groups in ways.items():
                    spent = least(partial(runs, model, groups))
                    tokens = sum(item.length for group in groups for item in group)
                    name = f"{runtime}, {rows} texts, {way}"
                    series.setdefault(f"{name}: us a token", []).append(spent.run * 1e6 / tokens)
                    if way in ("equal", "padded"):
                        series.setdefault(f"{name}: us to join and split", []).append(spent.collated * 1e6)
                share = sum(lengths) / (rows * lengths[-1])
                series.setdefault(f"{runtime}, {rows} texts: share of places that are text", []).append(share)
            print(runtime, at + 1, "of", rounds, file=sys.stderr)
        model.model.close()
    keep("padding", {name: spread(values) for name, values in series.items()})


if __name__ == "__main__":
    main()
