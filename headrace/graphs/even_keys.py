"""Keys whose numbers are of about one size, so that codes with one scale a token and head lose little of any.

Biases of keys may be a hundred times what the text makes of them (Qwen2), and the weights of their norms as uneven
(Qwen3): the step between two codes is then that of the largest number, and all others are lost in it. A number of a key
divided by what the same number of its queries is multiplied by leaves their product as it was. Numbers that turn
together have one factor, so that turning does not mix them up; factors are powers of two, so that nothing is rounded
(as SmoothQuant, arXiv 2211.10438, moves outliers from activations to weights).
"""

import numpy as np
from numpy.typing import NDArray

from headrace.graphs.layer import Tensors
from headrace.weights.checkpoint import Architecture

Floats = NDArray[np.float32]

PEAK = 2.5
"""Standard deviations that what a text adds to a key often comes to."""

LEAST, MOST = 2.0**-12, 2.0**12
"""Of factors, about their head's middle one: what is smaller still is nothing."""


def key_factors(layer: Tensors, facts: Architecture) -> Floats | None:
    """What each head's keys are to be divided by, [kv_heads, head_dim], or [1, head_dim] of all; None: they stay, as
    where none are kept."""
    if not facts.generates:
        return None
    sizes = _norm_sizes(layer, facts) if facts.qk_norm else _bias_sizes(layer, facts)
    if sizes is None:
        return None
    turned = _turned(facts)
    if turned is None:
        return None
    half = turned // 2
    first, second = sizes[:, :half], sizes[:, half:turned]
    sizes[:, :half] = sizes[:, half:turned] = np.maximum(first, second)
    middle = np.median(sizes, axis=1, keepdims=True)
    shares = np.clip(sizes / np.where(middle > 0, middle, 1), LEAST, MOST)
    factors: Floats = np.exp2(np.rint(np.log2(shares))).astype(np.float32)
    return factors


def of_heads(factors: Floats, heads: int) -> Floats:
    """The factors [some, head_dim] of so many heads, in groups where there are more: [heads * head_dim]."""
    return np.repeat(factors, heads // len(factors), axis=0).reshape(-1)


def _norm_sizes(layer: Tensors, facts: Architecture) -> Floats | None:
    """Norms leave numbers of size 1, times their weights."""
    heads = facts.kv_heads if facts.joint_qk_norm else 1
    return np.abs(layer.vector("k_norm", heads * facts.head_dim)).reshape(heads, facts.head_dim)


def _bias_sizes(layer: Tensors, facts: Architecture) -> Floats | None:
    """A bias, and what a row of the matrix makes of a normed text beside it."""
    if "k_bias" not in layer:
        return None
    rows = facts.kv_heads * facts.head_dim
    matrix, bias = layer.weight("k", (rows, facts.hidden)).dense(), layer.vector("k_bias", rows)
    scale = layer.vector("attention_norm", facts.hidden) if facts.pre_norms else np.ones(facts.hidden, np.float32)
    added = np.sqrt(np.square(matrix * scale).sum(axis=1))
    sizes: Floats = np.abs(bias) + np.float32(PEAK) * added
    return sizes.reshape(facts.kv_heads, facts.head_dim)


def _turned(facts: Architecture) -> int | None:
    """How many of a head's numbers turn; None where layers differ in that."""
    widths = {2 * len(rope.frequencies) for rope in (facts.rope, facts.local_rope) if rope is not None}
    return widths.pop() if len(widths) == 1 else None
