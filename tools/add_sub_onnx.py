"""The sum and the difference of two rows of sixteen integers: like the `simple` model of Triton's examples."""

from pathlib import Path

import onnx
from onnx import TensorProto, helper

WIDTH = 16


def write_add_sub(onnx_file: Path) -> None:
    """Write the model: INPUT0, INPUT1 [batch, 16] INT32 -> OUTPUT0 the sum, OUTPUT1 the difference."""
    onnx.save_model(add_sub(), onnx_file)


def add_sub() -> onnx.ModelProto:
    """The model as a graph of two nodes."""
    inputs, outputs = (
        [helper.make_tensor_value_info(f"{kind}{number}", TensorProto.INT32, ["batch", WIDTH]) for number in range(2)]
        for kind in ("INPUT", "OUTPUT")
    )
    names = ["INPUT0", "INPUT1"]
    nodes = [helper.make_node("Add", names, ["OUTPUT0"]), helper.make_node("Sub", names, ["OUTPUT1"])]
    return helper.make_model(
        helper.make_graph(nodes, "add_sub", inputs, outputs),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
        producer_name="headrace",
    )
