"""Rotary positions (RoFormer, arXiv 2104.09864): queries and keys are turned by angles that grow with the position.

Cosines and sines are tables gathered by position. Computed in the graph, the angles themselves would be rounded where
the plug-in computes in bfloat16, and the model would read its text in a wrong order while it still looked right.
"""

import msgspec
import numpy as np
import openvino.opset15 as op

from headrace.graphs.linear import Node
from headrace.graphs.nodes import f32, i64, split
from headrace.weights.checkpoint import Rope


class Turns(msgspec.Struct, frozen=True):
    """Cosine and sine of each token's angles, [batch, 1, tokens, width], shared by all layers."""

    cos: Node
    sin: Node
    width: int  # so many of a head's first values are turned; the rest stay


def turns(rope: Rope, positions: Node, max_context: int) -> Turns:
    """Gather the angles of positions [batch, tokens], each below `max_context`."""
    angles = np.outer(np.arange(max_context), np.asarray(rope.frequencies, np.float64))
    cos, sin = (
        op.unsqueeze(op.gather(f32(table * rope.scale), positions, i64(0)), i64(1))
        for table in (np.cos(angles), np.sin(angles))
    )
    return Turns(op.concat([cos, cos], 3), op.concat([sin, sin], 3), 2 * len(rope.frequencies))


def rotate(x: Node, turn: Turns, head_dim: int) -> Node:
    """Turn x [batch, heads, tokens, head_dim]: value i of the first half with value i of the second."""
    if turn.width < head_dim:
        turned, rest = split(x, [turn.width, head_dim - turn.width])
        return op.concat([_rotate_all(turned, turn), rest], -1)
    return _rotate_all(x, turn)


def _rotate_all(x: Node, turn: Turns) -> Node:
    """To the letter what the plug-in's fusion expects (RoPEFusionGPTNEOX): one operation in place of six."""
    half = turn.width // 2
    first = op.slice(x, i64([0]), i64([half]), i64([1]), i64([3]))
    second = op.slice(x, i64([half]), i64([TO_THE_END]), i64([1]), i64([3]))
    crossed = op.concat([op.multiply(second, f32(-1.0)), first], -1)
    return op.add(op.multiply(x, turn.cos), op.multiply(crossed, turn.sin))


TO_THE_END = 2**31 - 1
