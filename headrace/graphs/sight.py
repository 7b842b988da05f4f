"""What a token may not see, as a bias on attention's scores."""

import openvino.opset15 as op

from headrace.graphs.linear import Node
from headrace.graphs.nodes import f32, i64

HIDDEN_FROM_SIGHT = -1e9
"""Added to scores. Not the least float: a row of nothing but what is hidden must stay a number."""


def padding_hidden(mask: Node) -> Node:
    """mask [batch, tokens] of i64 (1: a token, 0: padding) -> [batch, 1, 1, tokens]."""
    sight = op.convert(op.unsqueeze(op.unsqueeze(mask, i64(1)), i64(1)), "f32")
    return op.multiply(op.subtract(f32(1.0), sight), f32(HIDDEN_FROM_SIGHT))


def far_hidden(positions: Node, window: int) -> Node:
    """positions [1, tokens] -> [1, 1, tokens, tokens]: each sees `window` tokens to each side, itself among them."""
    row, column = op.unsqueeze(positions, i64(2)), op.unsqueeze(positions, i64(1))
    seen = op.less(op.abs(op.subtract(column, row)), i64(window))
    return op.unsqueeze(op.select(seen, f32(0.0), f32(HIDDEN_FROM_SIGHT)), i64(1))


def others_hidden(positions: Node, window: int) -> Node:
    """positions [1, tokens] -> [1, 1, tokens, tokens]: each sees itself and what is before it.

    Of that the last `window` tokens, or all where it is 0.
    """
    row, column = op.unsqueeze(positions, i64(2)), op.unsqueeze(positions, i64(1))
    seen = op.less_equal(column, row)
    if window:
        seen = op.logical_and(seen, op.less(row, op.add(column, i64(window))))
    return op.unsqueeze(op.select(seen, f32(0.0), f32(HIDDEN_FROM_SIGHT)), i64(1))
