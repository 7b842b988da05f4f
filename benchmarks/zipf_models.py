"""A folder of small models that differ in their weights only: two layers, 5 MB of 32-bit floats."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WIDTH = 1118  # squared, 1.25 million weights


def make(folder: Path, count: int, seed: int) -> list[str]:
    """The models' names; those that are there already are left as they are."""
    names = [f"m{number:03}" for number in range(count)]
    for number, name in enumerate(names):
        path = folder / name / "1" / "model.onnx"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_model(np.random.default_rng([seed, number])).SerializeToString())
            (folder / name / "model.toml").write_text("batching = true\n")
    return names


def _model(random: np.random.Generator) -> onnx.ModelProto:
    first = numpy_helper.from_array(random.standard_normal((WIDTH, WIDTH), np.float32), "first")
    last = numpy_helper.from_array(random.standard_normal((WIDTH, 4), np.float32), "last")
    nodes = [
        helper.make_node("MatMul", ["x", "first"], ["h"]),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("MatMul", ["r", "last"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", WIDTH])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 4])],
        [first, last],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
