"""One vector for a text, of those of its tokens."""

import openvino.opset15 as op

from headrace.graphs.linear import Node
from headrace.graphs.nodes import f32, i64


def pooled(x: Node, mask: Node, pooling: str) -> Node:
    """x [batch, tokens, hidden] -> [batch, hidden]: the mean, the first or the last of what is not padding."""
    if pooling == "cls":
        return op.gather(x, i64(0), i64(1))
    counts = op.reduce_sum(mask, i64([1]), True)  # [batch, 1]
    if pooling == "last":
        return op.gather_nd(x, op.subtract(counts, i64(1)), 1)
    weights = op.unsqueeze(op.convert(mask, "f32"), i64(2))
    total = op.reduce_sum(op.multiply(x, weights), i64([1]), False)
    return op.divide(total, op.maximum(op.convert(counts, "f32"), f32(1.0)))
