"""One vector for a text, of those of its tokens."""

from collections.abc import Sequence

import numpy as np
import openvino.opset15 as op

from headrace.graphs.linear import Node
from headrace.graphs.nodes import f32, i32, i64
from headrace.weights.checkpoint import Pooling

PACKED_POOLING: frozenset[Pooling] = frozenset({"cls", "last", "mean", "mean_sqrt", "weighted_mean"})
"""Ways that there are for texts one behind another."""

END = (1 << 63) - 1


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


def pooled_of_packed(x: Node, begins: Node, places: Node, ways: Sequence[Pooling]) -> Node:
    """x [tokens, hidden] of texts one behind another, which begin at `begins` [texts + 1] of i32, tokens at `places`
    [tokens] of their text -> [texts, ways * hidden]: each way's vector, in this order."""
    parts = [_pooled_of_packed(x, begins, places, way) for way in ways]
    return op.concat(parts, 1) if len(parts) > 1 else parts[0]


def lengths_of(begins: Node) -> Node:
    """Tokens of each text [texts], of i32."""
    return op.subtract(_cut(begins, 1, END), _cut(begins, 0, -1))


def _pooled_of_packed(x: Node, begins: Node, places: Node, way: Pooling) -> Node:
    first, behind = _cut(begins, 0, -1), _cut(begins, 1, END)
    if way == "cls":
        return op.gather(x, first, i64(0))
    if way == "last":
        return op.gather(x, op.subtract(behind, i32(1)), i64(0))
    counts = op.unsqueeze(op.convert(lengths_of(begins), "f32"), i64(1))
    if way == "weighted_mean":  # the first token counts once, the second twice, ...
        x = op.multiply(x, op.unsqueeze(op.add(op.convert(places, "f32"), f32(1.0)), i64(1)))
        counts = op.multiply(op.multiply(counts, op.add(counts, f32(1.0))), f32(0.5))
    num_tokens = op.gather(op.shape_of(places, "i32"), i64(0), i64(0))
    total = op.embedding_bag_offsets(x, op.range(i32(0), num_tokens, i32(1), "i32"), first)
    return op.divide(total, op.sqrt(counts) if way == "mean_sqrt" else counts)


def _cut(x: Node, begin: int, end: int) -> Node:
    """x [n] from one place to another."""
    return op.slice(x, i64([begin]), i64([end]), i64([1]), i64([0]))
