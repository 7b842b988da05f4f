"""What a GGUF file says of its model -> an Architecture, by llama.cpp's meaning of the keys.

A key of the architecture that is not known here may change the answer: unless it is 0, false or empty, it is refused.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import msgspec
import numpy as np

from headrace.errors import ModelInvalid
from headrace.weights.checkpoint import Architecture, Pooling
from headrace.weights.fields import Fields
from headrace.weights.gguf_names import NEIGHBOURS
from headrace.weights.gguf_rope import LONG, SHORT, base_of, gguf_rope
from headrace.weights.limits import (
    MAX_CONTEXT,
    MAX_HEAD_DIM,
    MAX_HEADS,
    MAX_LAYERS,
    MAX_VOCABULARY,
    MAX_WIDTH,
    check_sizes,
    telling_windows,
    useful_windows,
)
from headrace.weights.rope import plain, rope
from headrace.weights.stored import StoredWeight

FAMILIES = ("llama", "qwen2", "qwen3", "gemma", "gemma2", "gemma3", "granite", "phi3", "smollm3", "olmo2", "bert")

KNOWN = """
    block_count context_length embedding_length feed_forward_length vocab_size tensor_data_layout pooling_type
    attention.head_count attention.head_count_kv attention.key_length attention.value_length attention.causal
    attention.layer_norm_epsilon attention.layer_norm_rms_epsilon attention.sliding_window
    attention.sliding_window_pattern attn_logit_softcapping final_logit_softcapping rope.dimension_count rope.freq_base
    rope.freq_base_swa rope.scale_linear rope.scaling.type rope.scaling.factor rope.scaling.attn_factor
    rope.scaling.original_context_length rope.scaling.finetuned rope.scaling.yarn_beta_fast
    rope.scaling.yarn_beta_slow classifier.output_labels
"""
"""Keys that are read, or that do not matter (`tensor_data_layout` says what the architecture says already)."""

OWN = {"granite": "attention.scale embedding_scale residual_scale logit_scale"}
"""Keys of one family only."""

RANK = 4
NORMALIZED = (1, 2, 3)
POOLING: Mapping[int, tuple[Pooling, ...]] = {0: (), 1: ("mean",), 2: ("cls",), 3: ("last",), RANK: ()}
"""llama.cpp's numbers; 4 is a cross-encoder's. Its server makes vectors of length 1."""

BASES = {"gemma3": 1e6}
"""Of rotary positions, where the file leaves it out and it is not 10,000."""

LOCAL_BASE = 10000.0
"""Of Gemma 3's windowed layers, where the file leaves it out."""

GEMMA_27B = {"gemma2": 46, "gemma3": 62}
"""Layers of the size whose attention is scaled by hidden / heads: the file does not say it."""


def gguf_architecture(metadata: Mapping[str, Any], tensors: Mapping[str, StoredWeight]) -> Architecture:
    """Raises ModelInvalid with the key that is missing, wrong or not supported."""
    general = Fields(metadata)
    family = general.text("general.architecture")
    if family not in FAMILIES:
        raise general.fault("general.architecture", f"{family!r} is not supported; read are {', '.join(FAMILIES)}")
    prefix = f"{family}."
    values = {key.removeprefix(prefix): value for key, value in metadata.items() if key.startswith(prefix)}
    fields = Fields(values, prefix)
    _refuse_unknown(fields, f"{KNOWN} {OWN.get(family, '')}".split())
    facts = SHAPERS.get(family, _same)(_sizes(family, fields, tensors), fields)
    return check_sizes(facts)


def _refuse_unknown(fields: Fields, known: Collection[str]) -> None:
    if fields.integer("expert_count", 0, low=0):
        raise fields.fault("expert_count", "mixtures of experts are not supported")
    for key, value in fields.values.items():
        harmless = key in known or key.startswith("mm.")  # of images, which are not read
        if not harmless and not (isinstance(value, bool | int | float | str) and not value):
            raise fields.fault(key, "is not supported: it may change what the model answers")


def _sizes(family: Any, fields: Fields, tensors: Mapping[str, StoredWeight]) -> Architecture:
    """All that every family has."""
    table = tensors.get("token_embd.weight")
    if table is None:
        raise ModelInvalid("is missing", "tensors[token_embd.weight]")
    hidden = fields.integer("embedding_length", high=MAX_WIDTH)
    heads = fields.integer("attention.head_count", high=MAX_HEADS)
    head_dim = fields.integer("attention.key_length", hidden // heads or None, high=MAX_HEAD_DIM)
    if fields.integer("attention.value_length", head_dim) != head_dim:
        raise fields.fault("attention.value_length", f"must be the key length, {head_dim}")
    encoder = family == "bert"
    pooling = _pooling(fields, encoder)
    causal = fields.flag("attention.causal", not encoder)
    if causal if encoder else not (causal or pooling):
        what = "" if encoder else " that continues texts"
        raise fields.fault("attention.causal", f"must be {str(not encoder).lower()} for {family}{what}")
    width = fields.integer("rope.dimension_count", head_dim, high=head_dim)
    if width % 2 or (family in NEIGHBOURS and width != head_dim):
        raise fields.fault("rope.dimension_count", f"{width} of {head_dim} values is not supported")
    reach = max_context = fields.integer("context_length", high=MAX_CONTEXT)
    if fields.text("rope.scaling.type", "none") == "longrope" or SHORT in tensors:
        max_context = fields.integer("rope.scaling.original_context_length", reach, high=reach)
    long, base = LONG in tensors and max_context < reach, BASES.get(family, 10000.0)
    return Architecture(
        family=family,
        num_layers=fields.integer("block_count", high=MAX_LAYERS),
        hidden=hidden,
        heads=heads,
        kv_heads=fields.integer("attention.head_count_kv", heads, high=heads),
        head_dim=head_dim,
        intermediate=fields.integer("feed_forward_length", high=MAX_WIDTH),
        vocabulary=_vocabulary(table, fields),
        max_context=max_context,
        norm_eps=fields.number(f"attention.layer_norm{'' if encoder else '_rms'}_epsilon", low=0.0),
        rope=None if encoder else gguf_rope(fields, width, tensors, base),
        long_rope=gguf_rope(fields, width, tensors, base, LONG) if long else None,
        long_context=reach if long else 0,
        tied=not encoder and "output.weight" not in tensors,
        logit_softcap=fields.number("final_logit_softcapping", 0.0, low=0.0),
        attention_softcap=fields.number("attn_logit_softcapping", 0.0, low=0.0),
        pooling=POOLING[pooling],
        normalize=pooling in NORMALIZED,
        sees_all=not encoder and not causal,
    )


def _pooling(fields: Fields, encoder: bool) -> int:
    number = fields.integer("pooling_type", 1 if encoder else 0, low=0)
    if number not in POOLING or (number == RANK and not encoder):
        raise fields.fault("pooling_type", f"{number} is not supported; read are 0 to 3, and 4 for bert")
    return number


def _vocabulary(table: StoredWeight, fields: Fields) -> int:
    vocabulary = table.shape[0]
    if len(table.shape) != 2 or vocabulary > MAX_VOCABULARY:
        raise ModelInvalid(f"must be a matrix, has the shape {list(table.shape)}", "tensors[token_embd.weight]")
    if fields.integer("vocab_size", vocabulary) > vocabulary:
        raise fields.fault("vocab_size", f"must be at most {vocabulary}, the rows of token_embd.weight")
    return vocabulary


def _same(facts: Architecture, fields: Fields) -> Architecture:
    """Families of which nothing else is said; a window would be news."""
    if fields.has("attention.sliding_window"):
        raise fields.fault("attention.sliding_window", f"is not supported for {facts.family}")
    return facts


def _gemma1(facts: Architecture, fields: Fields) -> Architecture:
    return msgspec.structs.replace(_same(facts, fields), activation="gelu_tanh", embed_scale=facts.hidden**0.5)


def _granite(facts: Architecture, fields: Fields) -> Architecture:
    return msgspec.structs.replace(
        _same(facts, fields),
        embed_scale=fields.number("embedding_scale", 1.0),
        attention_scale=fields.number("attention.scale", 0.0, low=0.0) or None,
        residual_scale=fields.number("residual_scale", 1.0),
        logit_scale=1 / (fields.number("logit_scale", 1.0, low=0.0) or 1.0),
    )


def _smollm3(facts: Architecture, fields: Fields) -> Architecture:
    """Which layers are not turned the file does not say: llama.cpp leaves each fourth."""
    return msgspec.structs.replace(_same(facts, fields), unturned=tuple(range(3, facts.num_layers, 4)))


def _qwen3(facts: Architecture, fields: Fields) -> Architecture:
    return msgspec.structs.replace(_same(facts, fields), qk_norm=True)


def _olmo2(facts: Architecture, fields: Fields) -> Architecture:
    """A window makes it OLMo 3, which rotates by its own rules."""
    return msgspec.structs.replace(
        _same(facts, fields), qk_norm=True, joint_qk_norm=True, pre_norms=False, post_norms=True
    )


def _phi3(facts: Architecture, fields: Fields) -> Architecture:
    window = fields.integer("attention.sliding_window", 0, low=0)
    reach = max(facts.max_context, facts.long_context)
    return msgspec.structs.replace(facts, windows=useful_windows((window,) * facts.num_layers, reach))


def _gemma2(facts: Architecture, fields: Fields) -> Architecture:
    windows = _gemma_windows(facts, fields, every=2, window=4096)
    return msgspec.structs.replace(
        _gemma(facts),
        windows=useful_windows(windows, facts.max_context),
        attention_softcap=fields.number("attn_logit_softcapping", 50.0, low=0.0),
        logit_softcap=fields.number("final_logit_softcapping", 30.0, low=0.0),
    )


def _gemma3(facts: Architecture, fields: Fields) -> Architecture:
    windows = telling_windows(_gemma_windows(facts, fields, every=6, window=0))
    assert facts.rope is not None
    local = rope(plain(2 * len(facts.rope.frequencies), base_of(fields, "rope.freq_base_swa", LOCAL_BASE)))
    return msgspec.structs.replace(_gemma(facts), qk_norm=True, local_rope=local, windows=windows)


def _gemma_windows(facts: Architecture, fields: Fields, *, every: int, window: int) -> tuple[int, ...]:
    """In all layers but each `every`th."""
    window = fields.integer("attention.sliding_window", window, low=0)
    return tuple(window if local else 0 for local in _pattern(facts.num_layers, fields, every))


def _gemma(facts: Architecture) -> Architecture:
    """What both later Gemmas have: norms behind, scaled embeddings."""
    large = GEMMA_27B[facts.family] == facts.num_layers
    return msgspec.structs.replace(
        facts,
        activation="gelu_tanh",
        post_norms=True,
        embed_scale=facts.hidden**0.5,
        attention_scale=(facts.hidden / facts.heads) ** -0.5 if large else None,
    )


def _pattern(num_layers: int, fields: Fields, every: int) -> list[bool]:
    """Which layers have the window: as the file lists them, or all but the last of each `every`."""
    told = fields.values.get("attention.sliding_window_pattern")
    if told is not None and not isinstance(told, int):
        if not _truths(told) or len(told) != num_layers:
            raise fields.fault("attention.sliding_window_pattern", f"must be {num_layers} truth values or a number")
        return [bool(local) for local in told]
    every = fields.integer("attention.sliding_window_pattern", every)
    return [(layer + 1) % every != 0 for layer in range(num_layers)]


def _bert(facts: Architecture, fields: Fields) -> Architecture:
    return msgspec.structs.replace(_same(facts, fields), activation="gelu")


def _truths(values: Any) -> bool:
    return getattr(values, "dtype", None) == np.dtype(bool)


SHAPERS: Mapping[str, Callable[[Architecture, Fields], Architecture]] = {
    "qwen3": _qwen3,
    "gemma": _gemma1,
    "granite": _granite,
    "smollm3": _smollm3,
    "olmo2": _olmo2,
    "phi3": _phi3,
    "gemma2": _gemma2,
    "gemma3": _gemma3,
    "bert": _bert,
}
"""What a family has besides."""
