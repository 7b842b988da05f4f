"""One vector for a text, of those of its tokens."""

from collections.abc import Sequence

import numpy as np
import openvino.opset15 as op

from headrace.graphs.linear import Node
from headrace.graphs.nodes import f32, i64
from headrace.weights.checkpoint import Pooling


def pooled(x: Node, mask: Node, ways: Sequence[Pooling]) -> Node:
    """x [batch, tokens, hidden] -> [batch, ways * hidden]: each way's vector of what is not padding, in this order."""
    parts = [_pooled(x, mask, way) for way in ways]
    return op.concat(parts, 1) if len(parts) > 1 else parts[0]


def _pooled(x: Node, mask: Node, way: Pooling) -> Node:
    if way == "cls":
        return op.gather(x, i64(0), i64(1))
    counts = op.reduce_sum(mask, i64([1]), True)  # [batch, 1]
    if way == "last":
        return op.gather_nd(x, op.subtract(counts, i64(1)), 1)
    if way == "max":
        least = f32(np.finfo(np.float32).min)
        return op.reduce_max(op.select(op.greater(op.unsqueeze(mask, i64(2)), i64(0)), x, least), i64([1]), False)
    if way == "weighted_mean":
        mask = op.multiply(op.cum_sum(mask, i64(1)), mask)  # the first token counts once, the second twice, ...
        counts = op.reduce_sum(mask, i64([1]), True)
    weights = op.unsqueeze(op.convert(mask, "f32"), i64(2))
    total = op.reduce_sum(op.multiply(x, weights), i64([1]), False)
    least_one = op.maximum(op.convert(counts, "f32"), f32(1.0))
    return op.divide(total, op.sqrt(least_one) if way == "mean_sqrt" else least_one)
