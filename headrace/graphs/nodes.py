"""The small nodes that every block is made of: constants, inputs, splits."""

from collections.abc import Sequence

import numpy as np
import openvino as ov
import openvino.opset15 as op
from numpy.typing import ArrayLike

from headrace.kernels.operations import Node


def f32(values: ArrayLike) -> Node:
    """A float32 constant; values are copied."""
    return op.constant(np.asarray(values, np.float32))


def i32(values: ArrayLike) -> Node:
    return op.constant(np.asarray(values, np.int32))


def i64(values: ArrayLike) -> Node:
    return op.constant(np.asarray(values, np.int64))


def parameter(name: str, shape: Sequence[int], kind: ov.Type = ov.Type.i64) -> Node:
    """An input of the graph; -1 in the shape is any size."""
    node = op.parameter(list(shape), kind, name=name)
    node.output(0).get_tensor().set_names({name})
    return node


def named_result(name: str, node: Node) -> Node:
    """An output of the graph."""
    result = op.result(node)
    result.output(0).get_tensor().set_names({name})
    return result


def split(x: Node, lengths: Sequence[int]) -> list[Node]:
    """x [..., sum(lengths)] -> parts of these lengths along the last axis."""
    if len(lengths) == 1:
        return [x]
    parts = op.variadic_split(x, i64(-1), i64(lengths))
    return [parts.output(i) for i in range(len(lengths))]


def soft_cap(x: Node, cap: float) -> Node:
    """Squeeze x smoothly into (-cap, cap); 0 leaves it as it is."""
    return op.multiply(op.tanh(op.multiply(x, f32(1.0 / cap))), f32(cap)) if cap else x
