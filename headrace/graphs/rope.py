"""Rotary positions (RoFormer, arXiv 2104.09864): queries and keys are turned by angles that grow with the position.

Cosines and sines are tables gathered by position, or for long contexts sums of two such. Computed in the graph, the
angles themselves would be rounded where the plug-in computes in bfloat16, and the model would read its text in a wrong
order while it still looked right.
"""

import msgspec
import numpy as np
import openvino.opset15 as op
from numpy.typing import NDArray

from headrace.graphs.linear import Node
from headrace.graphs.nodes import f32, i64, split
from headrace.weights.checkpoint import Rope

WHOLE = 1 << 15
"""Positions that have a row of the tables each. For a million they would take half a gigabyte, and seconds to make."""

STEP_BITS = 10
STEP = 1 << STEP_BITS


class Turns(msgspec.Struct, frozen=True):
    """Cosine and sine of each token's angles, [batch, 1, tokens, width], shared by all layers."""

    cos: Node
    sin: Node
    width: int  # so many of a head's first values are turned; the rest stay
    half_cos: Node  # each angle once: [batch, 1, tokens, width / 2]
    half_sin: Node


def turns(rope: Rope, positions: Node, max_context: int) -> Turns:
    """Gather the angles of positions [batch, tokens], each below `max_context`."""
    made = _gathered if max_context <= WHOLE else _summed
    cos, sin = (op.unsqueeze(values, i64(1)) for values in made(rope, positions, max_context))
    width = 2 * len(rope.frequencies)
    return Turns(op.concat([cos, cos], 3), op.concat([sin, sin], 3), width, cos, sin)


def _gathered(rope: Rope, positions: Node, max_context: int) -> tuple[Node, Node]:
    """Cosine and sine out of a table of all positions."""
    cos, sin = _tables(rope, np.arange(max_context), rope.scale)
    return _rows(cos, positions), _rows(sin, positions)


def _summed(rope: Rope, positions: Node, max_context: int) -> tuple[Node, Node]:
    """The same of the sum of two angles: that of a multiple of STEP positions, and that of the rest.

    Two rows of products, summed by a node of its own: written as sums of products they would be rounded once in one
    graph and twice in another, and a text alone would have other bits than in company.
    """
    far_cos, far_sin = _tables(rope, STEP * np.arange(-(-max_context // STEP)), rope.scale)
    near = np.stack(_tables(rope, np.arange(STEP), 1.0), axis=1)
    far = np.stack([np.stack([far_cos, -far_sin], axis=1), np.stack([far_sin, far_cos], axis=1)], axis=1)
    products = op.multiply(
        _rows(far, op.bitwise_right_shift(positions, i64(STEP_BITS))),
        _rows(near[:, None], op.bitwise_and(positions, i64(STEP - 1))),
    )
    both = op.reduce_sum(products, i64(3), False)  # [batch, tokens, 2, half]
    return op.gather(both, i64(0), i64(2)), op.gather(both, i64(1), i64(2))


def _tables(rope: Rope, positions: NDArray[np.int64], scale: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    angles = np.outer(positions, np.asarray(rope.frequencies, np.float64))
    return np.cos(angles) * scale, np.sin(angles) * scale


def _rows(table: NDArray[np.float64], indices: Node) -> Node:
    return op.gather(f32(table), indices, i64(0))


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
