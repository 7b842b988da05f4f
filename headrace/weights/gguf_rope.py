"""The rotary positions that a GGUF file describes: metadata and factor tensors -> a Rope.

Follows llama.cpp: the file's base and scaling, and frequencies divided by `rope_freqs` (Llama 3) or, for Phi 3, by
`rope_factors_short` up to the original context and by `rope_factors_long` where more is to be reached.
"""

from collections.abc import Mapping

import numpy as np

from headrace.errors import ModelInvalid
from headrace.weights import rope
from headrace.weights.checkpoint import Rope
from headrace.weights.fields import Fields
from headrace.weights.stored import StoredWeight

MAX_FACTOR = 1e6


SHORT, LONG = "rope_factors_short.weight", "rope_factors_long.weight"


def gguf_rope(
    fields: Fields,
    width: int,
    tensors: Mapping[str, StoredWeight],
    default_base: float = 10000.0,
    factors: str = SHORT,
) -> Rope:
    """For `width` rotated values of a head, divided by the tensor `factors` where there is one.

    Raises ModelInvalid for a scaling that is not supported.
    """
    base = base_of(fields, "rope.freq_base", default_base)
    kind = fields.text("rope.scaling.type", "linear" if fields.has("rope.scale_linear") else "none")
    factor = (
        fields.number("rope.scaling.factor", fields.number("rope.scale_linear", 1.0), low=0.0) or 1.0
    )  # as llama.cpp
    scale = fields.positive("rope.scaling.attn_factor", 1.0)
    if not 1 <= factor <= MAX_FACTOR:
        raise fields.fault("rope.scaling.factor", f"must be from 1 to {MAX_FACTOR:g}, is {factor}")
    frequencies = rope.plain(width, base)
    if kind == "linear":
        frequencies = rope.linear(frequencies, factor)
    elif kind == "yarn":
        original = fields.integer("rope.scaling.original_context_length", fields.integer("context_length"))
        fast = fields.between("rope.scaling.yarn_beta_fast", rope.FEWEST_TURNS, rope.MOST_TURNS, 32.0)
        slow = fields.between("rope.scaling.yarn_beta_slow", rope.FEWEST_TURNS, rope.MOST_TURNS, 1.0)
        frequencies = rope.yarn(width, base, factor, original, fast=fast, slow=slow)
        scale *= rope.yarn_scale(factor)
    elif kind not in {"none", "longrope"}:
        raise fields.fault("rope.scaling.type", f"must be none, linear, yarn or longrope, is {kind!r}")
    for name in ("rope_freqs.weight", factors):
        if name in tensors:
            frequencies = frequencies / _factors(tensors[name], width, f"tensors[{name}]")
    return rope.rope(frequencies, scale)


def base_of(fields: Fields, key: str, default: float) -> float:
    base = fields.positive(key, default)
    if base <= 1:
        raise fields.fault(key, f"must be more than 1, is {base}")
    return base


def _factors(tensor: StoredWeight, width: int, where: str) -> rope.Frequencies:
    factors = tensor.dense().astype(np.float64)
    if factors.shape != (width // 2,) or not (np.isfinite(factors) & (factors > 0)).all():
        raise ModelInvalid(f"must be {width // 2} numbers above 0, has the shape {list(factors.shape)}", where)
    return factors
