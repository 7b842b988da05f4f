"""What a fusion of ONNX Runtime's is worth: a model as the runtime makes it by itself, and without that fusion.

    python -m benchmarks.bench_fusions [--file int8.onnx] [--fusions SkipLayerNormFusion] [--rounds 25]

The sessions take turns, on one thread and on all; a ratio above 1 says how much quicker it is without. Beside the model
there is the part that the fusion is about: a sum and its layer norm, eight times one behind the other.
"""

import argparse
import os
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from benchmarks.results import keep, spread
from headrace.runtimes.onnx import SLOWER, session_options

FOLDER = Path("models/minilm/1")
SIZES = ((1, 8), (1, 24), (1, 128), (4, 24), (16, 24))
"""Texts and tokens."""

WIDTHS, ROWS, NORMS = (64, 384, 768, 1024, 4096), (1, 8, 128, 512), 8

Inputs = dict[str, np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--file", default="int8.onnx")
    parser.add_argument("--fusions", nargs="+", default=SLOWER)
    parser.add_argument("--rounds", type=int, default=25)
    asked = parser.parse_args()
    figures: dict[str, Any] = {"file": asked.file, "fusions": asked.fusions}
    for threads in sorted({1, len(os.sched_getaffinity(0))}):
        model = (FOLDER / asked.file).read_bytes()
        texts = {f"{rows} x {tokens}": text(rows, tokens) for rows, tokens in SIZES}
        figures[f"model, threads {threads}"] = compared(model, texts, threads, asked)
        for width in WIDTHS:
            inputs = {f"{rows} rows": sums(rows, width) for rows in ROWS}
            figures[f"sums and norms of {width}, threads {threads}"] = compared(norms(width), inputs, threads, asked)
    keep("fusions", figures)


def compared(model: bytes, inputs: dict[str, Inputs], threads: int, asked: argparse.Namespace) -> dict[str, Any]:
    """By input: the medians in ms, and how many times as quick it is without."""
    options = session_options(threads, "run")
    usual = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    without = ort.InferenceSession(
        model, options, providers=["CPUExecutionProvider"], disabled_optimizers=asked.fusions
    )
    figures: dict[str, Any] = {}
    for name, each in inputs.items():
        times = [(took_ms(usual, each), took_ms(without, each)) for _ in range(asked.rounds + 2)][2:]
        figures[name] = {
            "ms": [round(statistics.median(way), 4) for way in zip(*times, strict=True)],
            "times as quick without": spread([a / b for a, b in times]),
        }
    return figures


def took_ms(session: ort.InferenceSession, inputs: Inputs) -> float:
    begin = time.perf_counter()
    session.run(None, inputs)
    return (time.perf_counter() - begin) * 1e3


def text(rows: int, tokens: int) -> Inputs:
    ids = np.random.default_rng(0).integers(1000, 20_000, (rows, tokens))
    return {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}


def sums(rows: int, width: int) -> Inputs:
    x = np.random.default_rng(0).standard_normal((1, rows, width)).astype(np.float32)
    return {"x": x, "more": x}


def norms(width: int) -> bytes:
    """x + more, and its norm, again and again."""
    nodes, x = [], "x"
    for index in range(NORMS):
        nodes.append(helper.make_node("Add", [x, "more"], [f"sum{index}"]))
        nodes.append(helper.make_node("LayerNormalization", [f"sum{index}", "scale", "bias"], [f"norm{index}"]))
        x = f"norm{index}"
    shape = (1, "rows", width)
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("x", "more")]
    outputs = [helper.make_tensor_value_info(x, TensorProto.FLOAT, shape)]
    values = {"scale": np.ones(width, np.float32), "bias": np.zeros(width, np.float32)}
    weights = [numpy_helper.from_array(value, name) for name, value in values.items()]
    graph = helper.make_graph(nodes, "norms", inputs, outputs, weights)
    made: onnx.ModelProto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(made.SerializeToString())


if __name__ == "__main__":
    main()
