"""Gated feed-forward halves for one thread: kept apart where the plug-in would make one operation of each.

Where it computes in bfloat16 on tiles (AMX) it fuses gate, bend, up and down to one, which divides its work among half
as many pairs as there are threads: with one thread it divides by zero, and the process is gone. With two and more that
operation is an eighth quicker for the few rows that are decoded, and stays.
"""

import os
from collections.abc import Mapping
from typing import Any

import openvino as ov
import openvino.opset15 as op

Port = tuple[str, int]
"""An output of a graph: the name of its node, and which of its outputs."""

ELEMENTWISE = {
    *("Add", "Convert", "Divide", "Erf", "Gelu", "Multiply", "Power", "Relu", "Sigmoid", "Subtract", "Swish", "Tanh")
}
"""What a bend is, or becomes one of."""

MOST_NODES = 32
"""Between a product and what it is multiplied by; a bend written out in full has a dozen."""


def for_one_thread(model: ov.Model, options: Mapping[str, Any]) -> ov.Model:
    """The same model, changed where it is to be compiled with these options and cannot be; its answers are the same.

    The product of gate and up, of one shape by how they are made, is told not to broadcast: the plug-in's pattern knows
    none such.
    """
    alone = options.get("INFERENCE_NUM_THREADS") == 1 or has_one_core()
    if not alone or options.get("INFERENCE_PRECISION_HINT") == "f32":
        return model
    for node in model.get_ordered_ops():
        if node.get_type_name() == "MatMul" and _is_gated(gated := node.input_value(0).get_node()):
            same = op.multiply(gated.input_value(0), gated.input_value(1), "none")
            same.set_friendly_name(gated.get_friendly_name())
            node.input(0).replace_source_output(same.output(0))
    return model


def has_one_core() -> bool:
    """Whether the plug-in, however many threads it is asked for, has one."""
    return len(os.sched_getaffinity(0)) == 1


def _is_gated(node: Any) -> bool:
    """Whether it multiplies two that were made of one tensor, number by number, by products with matrices."""
    if node.get_type_name() != "Multiply":
        return False
    left, right = (_made_of(node.input_value(side)) for side in (0, 1))
    shapes = [node.input_value(side).get_partial_shape() for side in (0, 1)]
    return len(left) == 1 and left == right and bool(shapes[0] == shapes[1])


def _made_of(port: Any) -> set[Port]:
    """The tensors that the products were given of which this was made; empty where it was made otherwise."""
    found, seen, left = set[Port](), set[Port](), [port]
    while left:
        port = left.pop()
        node = port.get_node()
        here = (node.get_friendly_name(), port.get_index())
        if here in seen:
            continue
        seen.add(here)
        kind = node.get_type_name()
        if kind == "MatMul":
            given = node.input_value(0)
            found.add((given.get_node().get_friendly_name(), given.get_index()))
        elif kind in ("Split", "VariadicSplit"):
            left.append(node.input_value(0))
        elif kind in ELEMENTWISE and len(seen) <= MOST_NODES:
            left += [node.input_value(index) for index in range(node.get_input_size())]
        elif kind != "Constant":
            return set()
    return found
