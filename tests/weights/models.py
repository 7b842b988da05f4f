"""Tiny models of every family, as GGUF and as Hugging Face folders, with weights from a seed."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace.weights.hf_families import OWN_NAMES
from tests.weights.files import Encoded, gguf_bytes, safetensors_bytes

Shapes = dict[str, tuple[int, ...]]
Arrays = dict[str, NDArray[np.float32]]
Dense = dict[str, Any]
HIDDEN, HEADS, KV_HEADS, HEAD_DIM, INNER, LAYERS, VOCABULARY, CONTEXT = 32, 4, 2, 8, 48, 2, 40, 64
QUERIES, KEYS = HEADS * HEAD_DIM, KV_HEADS * HEAD_DIM
GEMMAS = ("gemma2", "gemma3_text", "gemma3")
TIED = (*GEMMAS, "gemma", "smollm3")
ENCODERS = ("bert", "roberta", "xlm-roberta", "mpnet", "distilbert")
DECODERS = (
    "llama",
    "mistral",
    "qwen2",
    "qwen3",
    "gemma",
    "gemma2",
    "gemma3_text",
    "granite",
    "phi3",
    "smollm3",
    "olmo2",
)


def config(model_type: str, **changes: Any) -> dict[str, Any]:
    """A config.json."""
    told: dict[str, Any] = {
        "model_type": model_type,
        "hidden_size": HIDDEN,
        "num_attention_heads": HEADS,
        "intermediate_size": INNER,
        "num_hidden_layers": LAYERS,
        "vocab_size": VOCABULARY,
        "max_position_embeddings": CONTEXT,
    }
    if model_type not in ENCODERS:
        told |= {"num_key_value_heads": KV_HEADS, "head_dim": HEAD_DIM, "bos_token_id": 1, "eos_token_id": 2}
        told |= {"pad_token_id": 0}
    if model_type in GEMMAS:
        told |= {"query_pre_attn_scalar": 16, "sliding_window": 8}
    own = OWN_NAMES.get(model_type, {})
    return {own.get(name, name): value for name, value in told.items()} | changes


def hf_tensors(told: Mapping[str, Any]) -> Arrays:
    """The tensors of a config.json, by the file's names; heads that are not tied among them."""
    model_type = told["model_type"]
    shapes = _encoder_shapes(told) if model_type in ENCODERS else _decoder_shapes(told)
    random = np.random.default_rng(0)
    return {name: random.normal(0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}


def _decoder_shapes(told: Mapping[str, Any]) -> Shapes:
    model_type = told["model_type"]
    shapes: Shapes = {
        "model.embed_tokens.weight": (VOCABULARY, HIDDEN),
        "model.norm.weight": (HIDDEN,),
    }
    if not told.get("tie_word_embeddings", model_type in TIED):
        shapes["lm_head.weight"] = (VOCABULARY, HIDDEN)
    norms = ["input_layernorm", "post_attention_layernorm"]
    norms += ["pre_feedforward_layernorm", "post_feedforward_layernorm"] if model_type in GEMMAS else []
    if model_type == "olmo2":
        norms = ["post_attention_layernorm", "post_feedforward_layernorm"]
    parts: Shapes = dict.fromkeys(norms, (HIDDEN,))
    if model_type == "phi3":
        parts |= {"self_attn.qkv_proj": (QUERIES + 2 * KEYS, HIDDEN), "mlp.gate_up_proj": (2 * INNER, HIDDEN)}
    else:
        parts |= {f"self_attn.{name}_proj": (rows, HIDDEN) for name, rows in (("q", QUERIES), ("k", KEYS), ("v", KEYS))}
        parts |= {"mlp.gate_proj": (INNER, HIDDEN), "mlp.up_proj": (INNER, HIDDEN)}
    parts |= {"self_attn.o_proj": (HIDDEN, QUERIES), "mlp.down_proj": (HIDDEN, INNER)}
    if model_type in {"qwen3", "gemma3_text"}:
        parts |= {"self_attn.q_norm": (HEAD_DIM,), "self_attn.k_norm": (HEAD_DIM,)}
    if model_type == "olmo2":
        parts |= {"self_attn.q_norm": (QUERIES,), "self_attn.k_norm": (KEYS,)}
    for layer in range(LAYERS):
        shapes |= {f"model.layers.{layer}.{name}.weight": shape for name, shape in parts.items()}
        if model_type == "qwen2":
            shapes |= {
                f"model.layers.{layer}.self_attn.{n}_proj.bias": (r,)
                for n, r in (("q", QUERIES), ("k", KEYS), ("v", KEYS))
            }
    return shapes


SQUARE, NORM = (HIDDEN, HIDDEN), (HIDDEN,)
INTERMEDIATE: Shapes = {
    "intermediate.dense": (INNER, HIDDEN),
    "output.dense": (HIDDEN, INNER),
    "output.LayerNorm": NORM,
}
ENCODER_LAYERS: dict[str, Shapes] = {
    "bert": {
        **{f"attention.self.{name}": SQUARE for name in ("query", "key", "value")},
        "attention.output.dense": SQUARE,
        "attention.output.LayerNorm": NORM,
        **INTERMEDIATE,
    },
    "mpnet": {**{f"attention.attn.{name}": SQUARE for name in "qkvo"}, "attention.LayerNorm": NORM, **INTERMEDIATE},
    "distilbert": {
        **{f"attention.{name}_lin": SQUARE for name in ("q", "k", "v", "out")},
        "sa_layer_norm": NORM,
        "ffn.lin1": (INNER, HIDDEN),
        "ffn.lin2": (HIDDEN, INNER),
        "output_layer_norm": NORM,
    },
}
ENCODER_HEADS = {"bert": ("pooler.dense", "classifier"), "distilbert": ("pre_classifier", "classifier")}


def _encoder_shapes(told: Mapping[str, Any]) -> Shapes:
    """A cross-encoder's own tensors stand beside the others, which have the model's name before theirs."""
    model_type = told["model_type"]
    shapes: Shapes = {
        "embeddings.word_embeddings.weight": (VOCABULARY, HIDDEN),
        "embeddings.position_embeddings.weight": (CONTEXT, HIDDEN),
    }
    if model_type == "mpnet":
        shapes["encoder.relative_attention_bias.weight"] = (32, HEADS)
    elif model_type != "distilbert":
        shapes["embeddings.token_type_embeddings.weight"] = (2 if model_type == "bert" else 1, HIDDEN)
    layers = "transformer.layer" if model_type == "distilbert" else "encoder.layer"
    parts = ENCODER_LAYERS.get(model_type, ENCODER_LAYERS["bert"])
    biased: Shapes = {"embeddings.LayerNorm": NORM}
    biased |= {f"{layers}.{layer}.{name}": shape for layer in range(LAYERS) for name, shape in parts.items()}
    heads: Shapes = {}
    if told.get("architectures", [""])[0].endswith("ForSequenceClassification"):
        pair = ENCODER_HEADS.get(model_type, ("classifier.dense", "classifier.out_proj"))
        heads = {pair[0]: SQUARE, pair[1]: (3, HIDDEN)}
    for name, shape in (biased | heads).items():
        shapes |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    return shapes


def write_folder(folder: Path, told: Mapping[str, Any], tensors: Arrays | None = None, **files: Any) -> Path:
    """A Hugging Face folder; `files` are further JSON files, by their names without .json."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(told))
    (folder / "model.safetensors").write_bytes(safetensors_bytes(hf_tensors(told) if tensors is None else tensors))
    for name, content in ({"tokenizer": {"added_tokens": [{"id": 5, "content": "<end>"}]}} | files).items():
        path = folder / f"{name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content))
    return folder


def sentence(*modes: str, behind: Sequence[Dense | None] = (None,)) -> dict[str, Any]:
    """What `sentence-transformers` writes beside a model, for `write_folder`: ways of pooling, and then the
    configurations of Dense modules, None for Normalize; `write_dense` is due for the former."""
    kinds = ["Transformer", "Pooling", *("Normalize" if told is None else "Dense" for told in behind)]
    modules = [
        {"type": f"sentence_transformers.models.{kind}", "path": f"{number}_{kind}" if number else ""}
        for number, kind in enumerate(kinds)
    ]
    pooling = {"embedding_dimension": HIDDEN} | {f"pooling_mode_{mode}": True for mode in modes}
    files = {f"{number}_Dense/config": told for number, told in enumerate(behind, 2) if told is not None}
    return {"modules": modules, "1_Pooling/config": pooling, **files}


def write_dense(folder: Path, behind: Sequence[Dense | None]) -> Path:
    """The tensors of the Dense modules of such a folder."""
    for number, told in enumerate(behind, 2):
        if told is not None:
            (folder / f"{number}_Dense" / "model.safetensors").write_bytes(
                safetensors_bytes(dense_arrays(told, number))
            )
    return folder


def dense_arrays(told: Dense, seed: int) -> Arrays:
    random = np.random.default_rng(seed)
    shapes = {"linear.weight": (told["out_features"], told["in_features"]), "linear.bias": (told["out_features"],)}
    if not told["bias"]:
        del shapes["linear.bias"]
    return {name: random.normal(0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}


def dense(inputs: int, width: int, activation: str = "activation.Tanh", *, bias: bool = True) -> Dense:
    """A Dense module's configuration."""
    named = f"torch.nn.modules.{activation}"
    return {"in_features": inputs, "out_features": width, "bias": bias, "activation_function": named}


TOKENIZER = {
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.tokens": ["<s>", "a", "<|im_end|>"],
    "tokenizer.ggml.token_type": [3, 1, 3],
    "tokenizer.ggml.bos_token_id": 0,
    "tokenizer.ggml.eos_token_id": 0,
    "tokenizer.chat_template": "{{ messages }}",
}


def gguf_metadata(family: str, **changes: Any) -> dict[str, Any]:
    """A GGUF file's metadata; changes are keys of the family, with `__` for a dot, None to leave one out."""
    told: dict[str, Any] = {
        "block_count": LAYERS,
        "context_length": CONTEXT,
        "embedding_length": HIDDEN,
        "feed_forward_length": INNER,
        "attention.head_count": HEADS,
        f"attention.layer_norm{'' if family == 'bert' else '_rms'}_epsilon": 1e-5,
    }
    told |= (
        {"attention.causal": False, "pooling_type": 1} if family == "bert" else {"attention.head_count_kv": KV_HEADS}
    )
    told |= {"attention.sliding_window": 8} if family in GEMMAS else {}
    told |= {key.replace("__", "."): value for key, value in changes.items()}
    keys = {f"{family}.{key}": value for key, value in told.items() if value is not None}
    return {"general.architecture": family, **keys, **TOKENIZER}


def gguf_tensors(family: str, *, tied: bool = True) -> dict[str, NDArray[np.float32] | Encoded]:
    """The tensors of such a file."""
    shapes = _gguf_encoder() if family == "bert" else _gguf_decoder(family)
    if not tied:
        shapes["output.weight"] = (VOCABULARY, HIDDEN)
    random = np.random.default_rng(0)
    return {name: random.normal(0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}


def _gguf_decoder(family: str) -> Shapes:
    parts: Shapes = {"attn_output": (HIDDEN, QUERIES)}
    parts |= {"attn_norm": (HIDDEN,), "ffn_norm": (HIDDEN,)} if family != "olmo2" else {}
    if family == "phi3":
        parts |= {"attn_qkv": (QUERIES + 2 * KEYS, HIDDEN), "ffn_up": (2 * INNER, HIDDEN)}
    else:
        parts |= {"attn_q": (QUERIES, HIDDEN), "attn_k": (KEYS, HIDDEN), "attn_v": (KEYS, HIDDEN)}
        parts |= {"ffn_gate": (INNER, HIDDEN), "ffn_up": (INNER, HIDDEN)}
    parts["ffn_down"] = (HIDDEN, INNER)
    if family in (*GEMMAS, "olmo2"):
        parts |= {"post_attention_norm": (HIDDEN,), "post_ffw_norm": (HIDDEN,)}
    if family in {"qwen3", "gemma3"}:
        parts |= {"attn_q_norm": (HEAD_DIM,), "attn_k_norm": (HEAD_DIM,)}
    if family == "olmo2":
        parts |= {"attn_q_norm": (QUERIES,), "attn_k_norm": (KEYS,)}
    shapes: Shapes = {"token_embd.weight": (VOCABULARY, HIDDEN), "output_norm.weight": (HIDDEN,)}
    return shapes | {f"blk.{layer}.{name}.weight": shape for layer in range(LAYERS) for name, shape in parts.items()}


def _gguf_encoder() -> Shapes:
    square = (HIDDEN, HIDDEN)
    parts: Shapes = dict.fromkeys(("attn_q", "attn_k", "attn_v", "attn_output"), square)
    parts |= {"attn_output_norm": (HIDDEN,), "layer_output_norm": (HIDDEN,)}
    parts |= {"ffn_up": (INNER, HIDDEN), "ffn_down": (HIDDEN, INNER)}
    biased: Shapes = {"token_embd_norm": (HIDDEN,)}
    biased |= {f"blk.{layer}.{name}": shape for layer in range(LAYERS) for name, shape in parts.items()}
    shapes: Shapes = {
        "token_embd.weight": (VOCABULARY, HIDDEN),
        "position_embd.weight": (CONTEXT, HIDDEN),
        "token_types.weight": (2, HIDDEN),
    }
    for name, shape in biased.items():
        shapes |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    return shapes


def write_gguf(
    path: Path, family: str, tensors: Mapping[str, NDArray[np.float32] | Encoded] | None = None, **changes: Any
) -> Path:
    path.write_bytes(gguf_bytes(gguf_metadata(family, **changes), gguf_tensors(family) if tensors is None else tensors))
    return path
