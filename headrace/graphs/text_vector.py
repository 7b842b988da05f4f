"""A text's vector: what its tokens were pooled to, sent through the dense layers that stand behind."""

import openvino.opset15 as op

from headrace.graphs.layer import Tensors
from headrace.graphs.linear import Node, Precision
from headrace.graphs.nodes import f32, i64
from headrace.weights.checkpoint import Architecture, Dense

SHORTEST = 1e-12
"""A vector that is to have length 1 is divided by no less: one of zeros stays."""


def text_vector(vector: Node, tensors: Tensors, facts: Architecture, precision: Precision) -> Node:
    """What was pooled [batch, ways * hidden] -> [batch, width], its length not yet brought to 1."""
    width = facts.hidden * len(facts.pooling)
    for index, dense in enumerate(facts.dense):
        given = _of_unit_length(vector) if dense.of_unit else vector
        vector = _bent(tensors.project(given, (f"dense.{index}",), width, (dense.width,), precision), dense)
        width = dense.width
    return vector


def _bent(x: Node, dense: Dense) -> Node:
    if dense.activation == "tanh":
        return op.tanh(x)
    if dense.activation == "relu":
        return op.relu(x)
    return op.gelu(x, "erf") if dense.activation == "gelu" else x


def _of_unit_length(x: Node) -> Node:
    return op.divide(x, op.maximum(op.reduce_l2(x, i64([1]), True), f32(SHORTEST)))
