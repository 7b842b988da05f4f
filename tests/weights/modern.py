"""Tiny ModernBERT folders, with weights from a seed."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tests.weights.models import HIDDEN, INNER, VOCABULARY, Arrays, Shapes, config

LAYERS = 4
TEXTS = tuple(np.random.default_rng(7).integers(3, 40, 48)[:length] for length in (48, 17, 5))
"""Longer than a window, longer than half of one, shorter."""


def modern(**changes: Any) -> dict[str, Any]:
    """A config.json."""
    return config("bert", num_hidden_layers=LAYERS, local_attention=8) | {"model_type": "modernbert"} | changes


CROSS = {"architectures": ["ModernBertForSequenceClassification"], "num_labels": 2}
ROPES = {
    "full_attention": {"rope_type": "linear", "rope_theta": 5000.0, "factor": 2.0},
    "sliding_attention": {"rope_type": "default", "rope_theta": 100.0},
}

MODERN: dict[str, dict[str, Any]] = {
    "plain": modern(architectures=["ModernBertModel"]),
    "old_names": modern(global_rope_theta=2000.0, local_rope_theta=50.0, global_attn_every_n_layers=2),
    "new_names": modern(
        rope_parameters=ROPES,
        layer_types=["sliding_attention", "full_attention", "full_attention", "sliding_attention"],
    ),
    "biases": modern(norm_bias=True, attention_bias=True, mlp_bias=True, norm_eps=1e-3, hidden_activation="silu")
    | {"classifier_activation": "silu"},
    "odd_window": modern(local_attention=7),
    "masked": modern(architectures=["ModernBertForMaskedLM"]),
    "cross_cls": modern(classifier_pooling="cls", **CROSS),
    "cross_mean": modern(classifier_pooling="mean", classifier_bias=True, norm_bias=True, **CROSS),
}
"""A config.json each."""


def modern_tensors(told: Mapping[str, Any]) -> Arrays:
    """The tensors of a config.json, by the file's names."""
    head = told.get("architectures", [""])[0].removeprefix("ModernBert")
    of_model = "" if head in {"", "Model"} else "model."
    shapes: Shapes = {f"{of_model}embeddings.tok_embeddings.weight": (VOCABULARY, HIDDEN)}
    shapes |= _normed(f"{of_model}embeddings.norm", told) | _normed(f"{of_model}final_norm", told)
    for layer in range(told["num_hidden_layers"]):
        place = f"{of_model}layers.{layer}."
        shapes |= _normed(f"{place}attn_norm", told) if layer else {}
        shapes |= _normed(f"{place}mlp_norm", told)
        for name, rows, width in (("attn.Wqkv", 3 * HIDDEN, HIDDEN), ("attn.Wo", HIDDEN, HIDDEN)):
            shapes |= _linear(place + name, rows, width, told.get("attention_bias", False))
        for name, rows, width in (("mlp.Wi", 2 * INNER, HIDDEN), ("mlp.Wo", HIDDEN, INNER)):
            shapes |= _linear(place + name, rows, width, told.get("mlp_bias", False))
    if of_model:
        shapes |= _linear("head.dense", HIDDEN, HIDDEN, told.get("classifier_bias", False)) | _normed("head.norm", told)
    if head == "ForMaskedLM":
        shapes["decoder.bias"] = (VOCABULARY,)
    if head == "ForSequenceClassification":
        shapes |= _linear("classifier", told["num_labels"], HIDDEN, True)
    random = np.random.default_rng(0)
    return {name: random.normal(0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}


def _normed(name: str, told: Mapping[str, Any]) -> Shapes:
    shapes: Shapes = {f"{name}.weight": (HIDDEN,)}
    return shapes | {f"{name}.bias": (HIDDEN,)} if told.get("norm_bias") else shapes


def _linear(name: str, rows: int, width: int, biased: bool) -> Shapes:
    shapes: Shapes = {f"{name}.weight": (rows, width)}
    return shapes | {f"{name}.bias": (rows,)} if biased else shapes
