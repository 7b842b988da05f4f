"""What scores of attention are shifted by for how far apart two tokens stand: MPNet's buckets, which are T5's."""

import numpy as np
import openvino.opset15 as op
from numpy.typing import NDArray

from headrace.graphs.linear import Node
from headrace.graphs.nodes import f32, i64

FARTHEST = 128
"""Tokens; what stands as far away, or farther, is all of one bucket."""


def by_distance(table: NDArray[np.float32], tokens: Node, longest: int) -> Node:
    """table [buckets, heads], tokens [1] of at most `longest` -> [1, heads, tokens, tokens], to be added to scores."""
    rows = table[buckets(np.arange(1 - longest, longest), len(table))]  # of each distance, from the farthest behind
    at = op.range(i64(0), op.squeeze(tokens, i64([0])), i64(1), "i64")
    ahead = op.subtract(op.unsqueeze(at, i64(0)), op.unsqueeze(at, i64(1)))
    shifts = op.gather(f32(rows.T), op.add(ahead, i64(longest - 1)), i64(1))
    return op.unsqueeze(shifts, i64(0))


def buckets(ahead: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """The bucket of what stands so many tokens ahead (behind, where less than 0): half of them are for each direction,
    half of those for the nearest tokens one by one, the others for ranges that grow as the logarithm does.

    In float32, as the models were trained: at the ranges' ends a last bit decides.
    """
    half = count // 2
    near = half // 2
    away = np.abs(ahead)
    share = np.log(np.maximum(away, 1).astype(np.float32) / np.float32(near)) / np.float32(np.log(FARTHEST / near))
    far = np.minimum(near + (share * np.float32(half - near)).astype(np.int64), half - 1)
    found: NDArray[np.int64] = np.where(away < near, away, far) + np.where(ahead > 0, half, 0)
    return found
