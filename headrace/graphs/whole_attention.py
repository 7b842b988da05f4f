"""The attention half of a decoder's layer over whole texts: no keys and values are kept for tokens yet to come."""

import openvino.opset15 as op

from headrace.graphs.attention import joined, projected, repeated, score_scale
from headrace.graphs.layer import Tensors
from headrace.graphs.linear import Node, Precision
from headrace.graphs.nodes import f32, i64
from headrace.graphs.rope import Turns
from headrace.weights.checkpoint import Architecture


def whole_attention(
    x: Node, layer: Tensors, facts: Architecture, precision: Precision, turn: Turns | None, bias: Node
) -> Node:
    """x [batch, tokens, hidden] -> the same shape. `bias`, which is added to scores, says who sees whom.

    The node's own `causal` is not used: the plug-in would keep the scores of all heads at once, and take twice as long.
    """
    query, key, value = projected(x, layer, facts, precision, turn)
    batch = op.gather(op.shape_of(x), i64([0]), i64(0))
    key, value = (repeated(part, facts, batch) for part in (key, value))
    mixed = op.scaled_dot_product_attention(query, key, value, bias, f32(score_scale(facts)), causal=False)
    return joined(mixed, layer, facts, precision)
