"""The attention half of a decoder's layer over whole texts: no keys and values are kept for tokens yet to come."""

import math

import openvino.opset15 as op

from headrace.graphs.attention import joined, projected, repeated
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
    scale = facts.attention_scale or 1 / math.sqrt(facts.head_dim)
    mixed = op.scaled_dot_product_attention(query, key, value, bias, f32(scale), causal=False)
    return joined(mixed, layer, facts, precision)
