"""What it is worth to write unsigned 8-bit weights as signed ones: MiniLM, quantised so, as it is and as served.

    python -m benchmarks.bench_signed [--rounds 25]

The file is MiniLM's int8 one with 128 added to its weights and their zero points, which is what a quantiser writes that
is asked for unsigned ones. Both sessions take turns, on one thread and on all; a ratio above 1 says how much quicker
the signed one is. Their answers are held to be equal, bit for bit.
"""

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, numpy_helper

from benchmarks.bench_fusions import SIZES, text, took_ms
from benchmarks.results import keep, spread
from headrace.devices.inventory import cores
from headrace.runtimes.onnx import SLOWER, session_options
from headrace.runtimes.onnx_signed import FASTER, signed

FILE = Path("models/minilm/1/int8.onnx")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=25)
    asked = parser.parse_args()
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "unsigned.onnx"
        onnx.save_model(unsigned(), path)
        for threads in sorted({1, int(cores())}):
            ways = {"as it is": session(path, threads), "signed": session(signed(path, FASTER) or path, threads)}
            for rows, tokens in SIZES:
                figures[f"{rows} x {tokens}, threads {threads}"] = compared(ways, text(rows, tokens), asked.rounds)
    keep("signed", figures)


def unsigned() -> onnx.ModelProto:
    model = onnx.load(FILE)
    products = [node for node in model.graph.node if node.op_type == "MatMulInteger"]
    names = {name for node in products for name in (node.input[1], node.input[3])}
    for each in model.graph.initializer:
        if each.name in names and each.data_type == TensorProto.INT8:
            each.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(each).view(np.uint8) ^ 128, each.name))
    return model


def session(content: Path | bytes, threads: int) -> ort.InferenceSession:
    options = session_options(threads, "run")
    return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"], disabled_optimizers=SLOWER)


def compared(ways: dict[str, ort.InferenceSession], inputs: dict[str, np.ndarray], rounds: int) -> dict[str, Any]:
    """The medians in ms, and the ratios of turns that followed one another."""
    first, second = (np.asarray(each.run(None, inputs)[0]) for each in ways.values())
    if not np.array_equal(first, second):
        raise AssertionError("their answers differ")
    turns = [{way: took_ms(each, inputs) for way, each in ways.items()} for _ in range(rounds + 2)][2:]
    return {
        "ms": {way: round(statistics.median(turn[way] for turn in turns), 2) for way in ways},
        "times as quick": spread([turn["as it is"] / turn["signed"] for turn in turns]),
    }


if __name__ == "__main__":
    main()
