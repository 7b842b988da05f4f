"""Which models of config.json are read, and what transformers assumes where a field is left out."""

from collections.abc import Mapping
from typing import Any

Defaults = Mapping[str, Any]

_DECODER: Defaults = {"rms_norm_eps": 1e-6, "hidden_act": "silu", "tie_word_embeddings": False, "rope_theta": 10000.0}
_GEMMA: Defaults = {
    **_DECODER,
    "tie_word_embeddings": True,
    "hidden_activation": "gelu_pytorch_tanh",
    "hidden_size": 2304,
    "intermediate_size": 9216,
    "num_hidden_layers": 26,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "head_dim": 256,
    "query_pre_attn_scalar": 256,
    "sliding_window": 4096,
}
_ENCODER: Defaults = {
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "max_position_embeddings": 512,
    "layer_norm_eps": 1e-12,
    "hidden_act": "gelu",
    "position_embedding_type": "absolute",
}

_MODERN_ENCODER: Defaults = {
    "hidden_size": 768,
    "num_hidden_layers": 22,
    "num_attention_heads": 12,
    "intermediate_size": 1152,
    "vocab_size": 50368,
    "max_position_embeddings": 8192,
    "norm_eps": 1e-5,
    "hidden_activation": "gelu",
    "classifier_activation": "gelu",
    "classifier_pooling": "cls",
    "global_attn_every_n_layers": 3,
    "local_attention": 128,
    "global_rope_theta": 160000.0,
    "local_rope_theta": 10000.0,
}

FAMILIES: Mapping[str, str] = {
    "llama": "llama",
    "mistral": "mistral",
    "qwen2": "qwen2",
    "qwen3": "qwen3",
    "gemma": "gemma",
    "gemma2": "gemma2",
    "gemma3_text": "gemma3",
    "granite": "granite",
    "phi3": "phi3",
    "smollm3": "smollm3",
    "olmo2": "olmo2",
    "bert": "bert",
    "roberta": "bert",
    "xlm-roberta": "bert",
    "modernbert": "modernbert",
    "mpnet": "bert",
    "distilbert": "bert",
}
"""`model_type` -> family."""

NESTED: Mapping[str, str] = {"gemma3": "gemma3_text"}
"""Models of images and text whose text half is read, from `text_config`."""

DEFAULTS: Mapping[str, Defaults] = {
    "llama": {**_DECODER, "max_position_embeddings": 2048},
    "mistral": {**_DECODER, "max_position_embeddings": 131072, "num_key_value_heads": 8, "sliding_window": 4096},
    "qwen2": {**_DECODER, "max_position_embeddings": 32768, "sliding_window": 4096, "max_window_layers": 28},
    "qwen3": {
        **_DECODER,
        "max_position_embeddings": 32768,
        "head_dim": 128,
        "sliding_window": 4096,
        "max_window_layers": 28,
    },
    "gemma": {
        **_DECODER,
        "tie_word_embeddings": True,
        "hidden_size": 3072,
        "intermediate_size": 24576,
        "num_hidden_layers": 28,
        "num_attention_heads": 16,
        "num_key_value_heads": 16,
        "head_dim": 256,
        "vocab_size": 256000,
        "max_position_embeddings": 8192,
    },
    "gemma2": {
        **_GEMMA,
        "vocab_size": 256000,
        "max_position_embeddings": 8192,
        "attn_logit_softcapping": 50.0,
        "final_logit_softcapping": 30.0,
        "sliding_window_pattern": 2,
    },
    "gemma3_text": {
        **_GEMMA,
        "vocab_size": 262208,
        "max_position_embeddings": 131072,
        "rope_theta": 1e6,
        "rope_local_base_freq": 1e4,
        "sliding_window_pattern": 6,
    },
    "granite": {
        **_DECODER,
        "max_position_embeddings": 2048,
        "embedding_multiplier": 1.0,
        "attention_multiplier": 1.0,
        "residual_multiplier": 1.0,
        "logits_scaling": 1.0,
    },
    "phi3": {**_DECODER, "max_position_embeddings": 4096, "rms_norm_eps": 1e-5},
    "smollm3": {
        **_DECODER,
        "tie_word_embeddings": True,
        "rope_theta": 2e6,
        "num_key_value_heads": 4,
        "max_position_embeddings": 32768,
        "no_rope_layer_interval": 4,
    },
    "olmo2": {**_DECODER, "max_position_embeddings": 2048, "rms_norm_eps": 1e-5},
    "bert": _ENCODER,
    "roberta": {**_ENCODER, "pad_token_id": 1},
    "xlm-roberta": {**_ENCODER, "pad_token_id": 1},
    "modernbert": _MODERN_ENCODER,
    "mpnet": {**_ENCODER, "relative_attention_num_buckets": 32},
    "distilbert": {
        **_ENCODER,
        "dim": 768,
        "n_layers": 6,
        "n_heads": 12,
        "hidden_dim": 3072,
        "activation": "gelu",
    },
}
"""By `model_type`: what its configuration class sets itself. Sizes that every file states are not repeated here."""

OWN_NAMES: Mapping[str, Mapping[str, str]] = {
    "distilbert": {
        "hidden_size": "dim",
        "num_hidden_layers": "n_layers",
        "num_attention_heads": "n_heads",
        "intermediate_size": "hidden_dim",
        "hidden_act": "activation",
    }
}
"""By `model_type`: fields that have another name there."""

FIXED: Mapping[str, Defaults] = {"distilbert": {"layer_norm_eps": 1e-12}}
"""By `model_type`: what is so whatever the file says."""

HEADS = ("Model", "ForCausalLM", "ForConditionalGeneration")
ENCODER_HEADS = ("Model", "ForMaskedLM", "ForPreTraining", "ForSequenceClassification")
"""Endings of `architectures` whose tensors and answers are understood."""
