"""What a checkpoint computes, in plain numpy and float64: the slow, obvious version, and models to run it on."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace.weights.checkpoint import Architecture, Checkpoint, Rope
from tests.weights.models import Dense, config, dense

Floats = NDArray[np.float64]

RANGES = (8, 12, 16, 23, 32, 46, 64, 91)
"""Where MPNet's buckets of far tokens begin."""

LLAMA3 = {"rope_type": "llama3", "low_freq_factor": 1.0, "high_freq_factor": 4.0}
LONGROPE = {"rope_type": "longrope", "short_factor": [1.0, 1.1, 1.2], "long_factor": [2.0, 2.0, 2.0]}

VARIANTS: dict[str, dict[str, Any]] = {
    "llama": config("llama"),
    "llama_tied": config("llama", tie_word_embeddings=True, rope_parameters={"rope_type": "linear", "factor": 4.0}),
    "llama_llama3": config(
        "llama", rope_parameters={**LLAMA3, "factor": 8.0, "original_max_position_embeddings": 16, "rope_theta": 5e5}
    ),
    "llama_yarn": config(
        "llama", rope_parameters={"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16}
    ),
    "llama_old_names": config("llama", rope_theta=5e5, rope_scaling={"type": "linear", "factor": 4.0}),
    "mistral": config("mistral", sliding_window=8),
    "qwen2": config("qwen2"),
    "qwen2_windows": config("qwen2", use_sliding_window=True, sliding_window=8, max_window_layers=1),
    "qwen3": config("qwen3"),
    "gemma": config("gemma", hidden_act="gelu", hidden_activation=None),
    "granite": config(
        "granite",
        embedding_multiplier=12.0,
        attention_multiplier=0.25,
        residual_multiplier=0.22,
        logits_scaling=8.0,
        tie_word_embeddings=True,
    ),
    "smollm3": config("smollm3", no_rope_layers=[0, 1]),
    "smollm3_each_second": config("smollm3", no_rope_layer_interval=2),
    "olmo2": config("olmo2", rope_parameters={"rope_type": "default", "rope_theta": 5e5}),
    "gemma2": config("gemma2", attn_logit_softcapping=2.0, final_logit_softcapping=3.0),
    "gemma3": config("gemma3_text", layer_types=["full_attention", "sliding_attention"]),
    "gemma3_wide": config("gemma3_text", sliding_window=4096, layer_types=["sliding_attention", "full_attention"]),
    "gemma3_old_names": config(
        "gemma3_text",
        num_hidden_layers=2,
        sliding_window_pattern=2,
        rope_theta=1e5,
        rope_local_base_freq=100.0,
        rope_scaling={"rope_type": "linear", "factor": 8.0},
        tie_word_embeddings=True,
    ),
    "phi3": config("phi3", sliding_window=8),
    "phi3_longrope": config(
        "phi3",
        original_max_position_embeddings=32,
        rope_parameters={**LONGROPE, "partial_rotary_factor": 0.75, "original_max_position_embeddings": 32},
    ),
    "phi3_long": config(
        "phi3",
        sliding_window=20,
        original_max_position_embeddings=16,
        rope_parameters={**LONGROPE, "partial_rotary_factor": 0.75, "original_max_position_embeddings": 16},
    ),
    "bert": config("bert"),
    "bert_classifier": config("bert", architectures=["BertForSequenceClassification"], num_labels=3),
    "roberta": config("roberta", pad_token_id=1, type_vocab_size=1),
    "roberta_classifier": config(
        "roberta", architectures=["RobertaForSequenceClassification"], num_labels=3, pad_token_id=1, type_vocab_size=1
    ),
    "mpnet": config("mpnet"),
    "mpnet_classifier": config("mpnet", architectures=["MPNetForSequenceClassification"], num_labels=3),
    "distilbert": config("distilbert"),
    "distilbert_classifier": config("distilbert", architectures=["DistilBertForSequenceClassification"], num_labels=3),
}
"""A config.json each."""

EMBEDDERS: dict[str, tuple[dict[str, Any], str]] = {
    "llama": (config("llama"), "mean_tokens"),
    "mistral": (config("mistral", sliding_window=8), "lasttoken"),
    "qwen2": (config("qwen2"), "cls_token"),
    "qwen2_sees_all": (config("qwen2", is_causal=False), "lasttoken"),
    "qwen2_sees_all_mean": (config("qwen2", is_causal=False), "mean_tokens"),
    "qwen3": (config("qwen3"), "lasttoken"),
    "gemma3": (config("gemma3_text", layer_types=["full_attention", "sliding_attention"]), "mean_tokens"),
    "phi3": (config("phi3", sliding_window=8), "lasttoken"),
}
"""Decoders that embed: a config.json, and sentence-transformers' name for how tokens are pooled."""

BOTH_WAYS: dict[str, Any] = {
    "use_bidirectional_attention": True,
    "layer_types": ["sliding_attention", "full_attention"],
}

EVERY_WAY = ("lasttoken", "weightedmean_tokens", "mean_sqrt_len_tokens", "mean_tokens", "max_tokens", "cls_token")

SENTENCES: dict[str, tuple[dict[str, Any], tuple[str, ...], list[Dense | None]]] = {
    "bert_every_way": (config("bert"), EVERY_WAY, []),
    "qwen3_every_way": (config("qwen3"), EVERY_WAY, [None]),
    "bert_dense": (config("bert"), ("cls_token",), [dense(32, 32), None]),
    "distilbert_dense": (config("distilbert"), ("mean_tokens",), [dense(32, 16)]),
    "mpnet_three": (
        config("mpnet"),
        ("weightedmean_tokens", "max_tokens"),
        [
            dense(64, 48, "activation.GELU", bias=False),
            None,
            dense(48, 40, "linear.Identity"),
            dense(40, 12, "activation.ReLU"),
        ],
    ),
    "gemma3_both_ways": (
        config("gemma3_text", **BOTH_WAYS, sliding_window=8),
        ("mean_tokens",),
        [dense(32, 64, "linear.Identity", bias=False), dense(64, 32, "linear.Identity", bias=False), None],
    ),
    "gemma3_both_ways_odd": (config("gemma3_text", **BOTH_WAYS, sliding_window=5), ("lasttoken",), []),
    "qwen3_dense": (config("qwen3"), ("lasttoken",), [None, dense(32, 8, "linear.Identity", bias=False), None]),
}
"""Whole folders of sentence-transformers: a config.json, ways of pooling, and what stands behind: the configuration of
Dense, or None for Normalize."""

TEXT = np.random.default_rng(7).integers(3, 40, 24)


def answer(checkpoint: Checkpoint, token_ids: NDArray[np.int64]) -> Floats:
    """Logits [tokens, vocabulary] of a decoder, [labels] of a cross-encoder, last hidden states of an encoder."""
    facts = checkpoint.architecture
    tensors = {name: weight.dense().astype(np.float64) for name, weight in checkpoint.weights.items()}
    return (_encoder if facts.family == "bert" else _decoder)(facts, tensors, token_ids)


def hidden(checkpoint: Checkpoint, token_ids: NDArray[np.int64]) -> Floats:
    """Last hidden states [tokens, hidden] of a decoder, behind its last norm."""
    tensors = {name: weight.dense().astype(np.float64) for name, weight in checkpoint.weights.items()}
    return _hidden(checkpoint.architecture, tensors, token_ids)


def _decoder(facts: Architecture, tensors: dict[str, Floats], token_ids: NDArray[np.int64]) -> Floats:
    logits = _hidden(facts, tensors, token_ids) @ tensors["embed" if facts.tied else "head"].T
    return _capped(logits * facts.logit_scale, facts.logit_softcap)


def _hidden(facts: Architecture, tensors: dict[str, Floats], token_ids: NDArray[np.int64]) -> Floats:
    x = tensors["embed"][token_ids] * facts.embed_scale
    for layer in range(facts.num_layers):
        own = _of_layer(tensors, layer)
        mixed = _attention(facts, own, _rms(x, own["attention_norm"], facts) if facts.pre_norms else x, layer)
        x = x + facts.residual_scale * (_rms(mixed, own["post_attention_norm"], facts) if facts.post_norms else mixed)
        inner = _rms(x, own["ffn_norm"], facts) if facts.pre_norms else x
        bent = _linear(_bend(facts, _linear(inner, own, "gate")) * _linear(inner, own, "up"), own, "down")
        x = x + facts.residual_scale * (_rms(bent, own["post_ffn_norm"], facts) if facts.post_norms else bent)
    return _rms(x, tensors["norm"], facts)


def _encoder(facts: Architecture, tensors: dict[str, Floats], token_ids: NDArray[np.int64]) -> Floats:
    x = tensors["embed"][token_ids] + tensors["positions"][: len(token_ids)]
    x = x + (tensors["types"][0] if facts.types else 0.0)
    shifts = _by_distance(tensors["distances"], len(token_ids)) if facts.distances else 0.0
    x = _centred(x, tensors, "embed_norm", facts)
    for layer in range(facts.num_layers):
        own = _of_layer(tensors, layer)
        x = _centred(x + _attention(facts, own, x, layer, shifts), own, "attention_norm", facts)
        bent = _linear(_bend(facts, _linear(x, own, "up")), own, "down")
        x = _centred(x + bent, own, "ffn_norm", facts)
    if not facts.labels:
        return x
    first = _linear(x[0], tensors, "pooler")
    return _linear(np.maximum(first, 0) if facts.pooler_bend == "relu" else np.tanh(first), tensors, "classifier")


def _by_distance(table: Floats, length: int) -> Floats:
    """[heads, length, length]: by the bucket of each pair, read off the ranges that the buckets are."""
    shifts = np.empty((table.shape[1], length, length))
    for row in range(length):
        for column in range(length):
            away = abs(column - row)
            bucket = away if away < 8 else 7 + sum(away >= begin for begin in RANGES)
            shifts[:, row, column] = table[bucket + 16 * (column > row)]
    return shifts


def _attention(
    facts: Architecture, own: dict[str, Floats], x: Floats, layer: int, shifts: Floats | float = 0.0
) -> Floats:
    length, window = len(x), facts.windows[layer] if facts.windows else 0
    parts = {}
    for name, heads in (("q", facts.heads), ("k", facts.kv_heads), ("v", facts.kv_heads)):
        part = _linear(x, own, name)
        normed = facts.qk_norm and name != "v"
        part = _rms(part, own[f"{name}_norm"], facts) if normed and facts.joint_qk_norm else part
        part = part.reshape(length, heads, facts.head_dim).swapaxes(0, 1)
        part = _rms(part, own[f"{name}_norm"], facts) if normed and not facts.joint_qk_norm else part
        if name != "v":
            rope = facts.local_rope if window and facts.local_rope else facts.rope
            part = part if layer in facts.unturned else _turned(part, rope)
        parts[name] = np.repeat(part, facts.heads // heads, axis=0)
    scores = parts["q"] @ parts["k"].swapaxes(1, 2) * (facts.attention_scale or facts.head_dim**-0.5)
    scores = _capped(scores, facts.attention_softcap) + shifts
    row, column = np.indices((length, length))
    if facts.sees_all and window:
        scores = np.where(abs(column - row) < window, scores, -np.inf)
    elif facts.family != "bert" and not facts.sees_all:
        scores = np.where((column <= row) & ((column > row - window) | (window == 0)), scores, -np.inf)
    shares = np.exp(scores - scores.max(-1, keepdims=True))
    mixed = shares / shares.sum(-1, keepdims=True) @ parts["v"]
    return _linear(mixed.swapaxes(0, 1).reshape(length, -1), own, "o")


def _turned(x: Floats, rope: Rope | None) -> Floats:
    if rope is None:
        return x
    half = len(rope.frequencies)
    angles = np.arange(x.shape[1])[:, None] * np.asarray(rope.frequencies)
    cos, sin = np.cos(angles) * rope.scale, np.sin(angles) * rope.scale
    first, second, rest = x[..., :half], x[..., half : 2 * half], x[..., 2 * half :]
    return np.concatenate([first * cos - second * sin, second * cos + first * sin, rest], axis=-1)


def _of_layer(tensors: dict[str, Floats], layer: int) -> dict[str, Floats]:
    prefix = f"layers.{layer}."
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _linear(x: Floats, tensors: dict[str, Floats], name: str) -> Floats:
    return x @ tensors[name].T + tensors.get(f"{name}_bias", 0.0)


def _rms(x: Floats, weight: Floats, facts: Architecture) -> Floats:
    return np.asarray(x / np.sqrt((x * x).mean(-1, keepdims=True) + facts.norm_eps) * weight)


def _centred(x: Floats, tensors: dict[str, Floats], name: str, facts: Architecture) -> Floats:
    spread = np.sqrt(x.var(-1, keepdims=True) + facts.norm_eps)
    return np.asarray((x - x.mean(-1, keepdims=True)) / spread * tensors[name] + tensors[f"{name}_bias"])


def _capped(x: Floats, cap: float) -> Floats:
    return np.asarray(np.tanh(x / cap) * cap) if cap else x


def _bend(facts: Architecture, x: Floats) -> Floats:
    if facts.activation == "silu":
        share = 1 / (1 + np.exp(-x))
    elif facts.activation == "gelu_tanh":
        share = 0.5 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    else:
        share = 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))
    return np.asarray(x * share, np.float64)
