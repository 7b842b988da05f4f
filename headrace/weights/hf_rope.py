"""The rotary positions that a config.json describes -> a Rope, by the meaning that transformers gives the fields."""

import msgspec
import numpy as np

from headrace.weights import rope
from headrace.weights.checkpoint import Rope
from headrace.weights.fields import Fields
from headrace.weights.limits import MAX_CONTEXT

KINDS = ("default", "linear", "dynamic", "llama3", "yarn", "longrope")
MAX_FACTOR = 1e6


class Positions(msgspec.Struct, frozen=True):
    """Rotary positions and how far they reach."""

    rope: Rope
    max_context: int
    long_rope: Rope | None = None  # that reaches farther
    long_context: int = 0  # as far as that


def hf_rope(config: Fields, head_dim: int, max_context: int, base: float = 10000.0, layers: str = "") -> Positions:
    """For layers of one kind where `rope_parameters` tells them apart ("full_attention"), else for all.

    Raises ModelInvalid for a kind of scaling that is not supported.
    """
    scaling = _scaling(config, layers)
    base = scaling.positive("rope_theta", config.positive("rope_theta", base))
    if base <= 1:
        raise config.fault("rope_theta", f"must be more than 1, is {base}")
    part = scaling.positive("partial_rotary_factor", config.positive("partial_rotary_factor", 1.0))
    width = int(head_dim * part)
    if part > 1 or width < 2 or width % 2:
        raise config.fault("partial_rotary_factor", f"{part} of {head_dim} values is not an even number of them")
    key = "rope_type" if scaling.has("rope_type") else "type"
    kind = scaling.text(key, "default")
    kind = {"su": "longrope"}.get(kind, kind)
    if kind not in KINDS:
        raise scaling.fault(key, f"{kind!r:.80} is not supported; read are {', '.join(KINDS)}")
    if kind == "longrope":
        return _longrope(config, scaling, width, max_context, base)
    if kind == "yarn":
        return _yarn(scaling, width, max_context, base)
    frequencies = rope.plain(width, base)
    if kind == "linear":
        frequencies = rope.linear(frequencies, _factor(scaling))
    elif kind == "dynamic":
        _factor(scaling)  # changes what was computed before, and that only beyond the context, which ends there
    elif kind == "llama3":
        low, high = scaling.positive("low_freq_factor"), scaling.positive("high_freq_factor")
        if high <= low:
            raise scaling.fault("high_freq_factor", f"must be more than low_freq_factor, {low}, is {high}")
        original = scaling.integer("original_max_position_embeddings")
        frequencies = rope.llama3(frequencies, _factor(scaling), low, high, original)
    return Positions(rope.rope(frequencies), max_context)


def _scaling(config: Fields, layers: str) -> Fields:
    """The object that describes scaling, by its old name or its new one; empty where there is none."""
    if config.has("rope_parameters"):
        told = config.part("rope_parameters")
        return told.part(layers) if layers and told.has(layers) else told
    return config.part("rope_scaling")


def _factor(scaling: Fields) -> float:
    factor = scaling.positive("factor")
    if not 1 <= factor <= MAX_FACTOR:
        raise scaling.fault("factor", f"must be from 1 to {MAX_FACTOR:g}, is {factor}")
    return factor


def _yarn(scaling: Fields, width: int, max_context: int, base: float) -> Positions:
    factor = _factor(scaling)
    original = scaling.integer("original_max_position_embeddings", max_context)
    fast = scaling.between("beta_fast", rope.FEWEST_TURNS, rope.MOST_TURNS, 32.0)
    slow = scaling.between("beta_slow", rope.FEWEST_TURNS, rope.MOST_TURNS, 1.0)
    whole = scaling.flag("truncate", True)
    frequencies = rope.yarn(width, base, factor, original, fast=fast, slow=slow, whole=whole)
    scale = rope.yarn_scale(factor)
    if scaling.has("mscale") and scaling.has("mscale_all_dim"):
        weight, everywhere = scaling.positive("mscale"), scaling.positive("mscale_all_dim")
        scale = rope.yarn_scale(factor, weight) / rope.yarn_scale(factor, everywhere)
    reach = max(max_context, min(int(original * factor), MAX_CONTEXT))
    reach = reach if scaling.has("original_max_position_embeddings") else max_context
    return Positions(rope.rope(frequencies, scaling.positive("attention_factor", scale)), reach)


def _longrope(config: Fields, scaling: Fields, width: int, max_context: int, base: float) -> Positions:
    """Short factors up to the original context, long ones for models that are to reach farther; one scale for both."""
    holder = config if config.has("original_max_position_embeddings") else scaling
    original = holder.integer("original_max_position_embeddings", low=2)
    short = _factors(scaling, "short_factor", width)
    stretch = max_context / original if holder is config else scaling.positive("factor", max_context / original)
    scale = scaling.positive("attention_factor", rope.longrope_scale(stretch, original))
    found = Positions(rope.rope(rope.plain(width, base) / short, scale), min(original, max_context))
    if max_context <= original or not scaling.has("long_factor"):
        return found
    long = rope.rope(rope.plain(width, base) / _factors(scaling, "long_factor", width), scale)
    return msgspec.structs.replace(found, long_rope=long, long_context=max_context)


def _factors(scaling: Fields, key: str, width: int) -> rope.Frequencies:
    factors = np.array(scaling.numbers(key))
    if factors.size != width // 2 or factors.min() <= 0:
        raise scaling.fault(key, f"must be {width // 2} numbers above 0")
    return factors
