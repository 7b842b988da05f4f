"""Have `transformers` compute the logits that tests/graphs compares with, and keep them in tests/graphs/golden.

Needs torch and transformers, which headrace and its tests do not: run it in an environment of its own, from the
repository's root, with `python -m tools.golden_logits`, numpy and msgspec installed beside them.
"""

from typing import Any

import numpy as np
import torch  # type: ignore[import-not-found]
import transformers  # type: ignore[import-not-found]

from tests.graphs.tiny import (
    CONTEXT,
    GOLDEN,
    HEADS,
    HIDDEN,
    INNER,
    KV_HEADS,
    LAYERS,
    VARIANTS,
    VOCABULARY,
    Variant,
    tokens,
    weights,
)

TEXT = 64
"""Tokens; past a block of the cache, and past every window."""

CLASSES = {
    "llama": ("LlamaConfig", "LlamaForCausalLM"),
    "mistral": ("MistralConfig", "MistralForCausalLM"),
    "qwen2": ("Qwen2Config", "Qwen2ForCausalLM"),
    "qwen3": ("Qwen3Config", "Qwen3ForCausalLM"),
    "gemma2": ("Gemma2Config", "Gemma2ForCausalLM"),
    "gemma3": ("Gemma3TextConfig", "Gemma3ForCausalLM"),
    "olmo2": ("Olmo2Config", "Olmo2ForCausalLM"),
    "phi3": ("Phi3Config", "Phi3ForCausalLM"),
    "bert": ("BertConfig", "BertModel"),
}

LAYER = {
    "attention_norm": "input_layernorm",
    "q": "self_attn.q_proj",
    "k": "self_attn.k_proj",
    "v": "self_attn.v_proj",
    "o": "self_attn.o_proj",
    "q_norm": "self_attn.q_norm",
    "k_norm": "self_attn.k_norm",
    "ffn_norm": "post_attention_layernorm",
    "gate": "mlp.gate_proj",
    "up": "mlp.up_proj",
    "down": "mlp.down_proj",
}
GEMMA_LAYER = {
    "post_attention_norm": "post_attention_layernorm",
    "ffn_norm": "pre_feedforward_layernorm",
    "post_ffn_norm": "post_feedforward_layernorm",
}
BEHIND_LAYER = {
    "post_attention_norm": "post_attention_layernorm",
    "post_ffn_norm": "post_feedforward_layernorm",
}
BERT_LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "o": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "up": "intermediate.dense",
    "down": "output.dense",
    "ffn_norm": "output.LayerNorm",
}
MODEL = {"embed": "model.embed_tokens", "norm": "model.norm", "head": "lm_head"}
BERT_MODEL = {
    "embed": "embeddings.word_embeddings",
    "positions": "embeddings.position_embeddings",
    "types": "embeddings.token_type_embeddings",
    "embed_norm": "embeddings.LayerNorm",
    "pooler": "pooler.dense",
    "classifier": "classifier",
}


def main() -> None:
    GOLDEN.mkdir(exist_ok=True)
    for name, variant in VARIANTS.items():
        model = load(variant)
        text = torch.from_numpy(tokens(TEXT))[None]
        with torch.no_grad():
            answer = model(text)
        values = answer[0][0].numpy().astype(np.float32)
        np.savez_compressed(GOLDEN / f"{name}.npz", logits=values, **frequencies(model))
        print(name, values.shape, float(values.std()))


def load(variant: Variant) -> Any:
    """The model of `transformers` with the variant's weights in it, in float32."""
    config_class, model_class = CLASSES[variant.family]
    if variant.labels:
        model_class = "BertForSequenceClassification"
    config = getattr(transformers, config_class)(**config_fields(variant))
    model = getattr(transformers, model_class)(config).float().eval()
    state = renamed(variant)
    lacking = set(model.load_state_dict(state, strict=False).missing_keys) - {"lm_head.weight"}
    unwanted = set(state) - set(model.state_dict())
    lacking = {name for name in lacking if "pooler" not in name and "position_ids" not in name}
    assert not lacking and not unwanted, (lacking, unwanted)
    return model


def config_fields(variant: Variant) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "vocab_size": VOCABULARY,
        "hidden_size": HIDDEN,
        "intermediate_size": INNER,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "max_position_embeddings": CONTEXT,
        "pad_token_id": None,
    }
    if variant.family == "bert":
        return fields | {"layer_norm_eps": 1e-6, "num_labels": variant.labels or 2, "pad_token_id": 0}
    rope = {"rope_type": "default", "rope_theta": variant.theta, **variant.scaling}
    if variant.turned != 1:
        rope["partial_rotary_factor"] = variant.turned
    fields |= {"num_key_value_heads": KV_HEADS, "rms_norm_eps": 1e-6, "rope_parameters": rope}
    fields |= {"tie_word_embeddings": variant.tied, "use_cache": False}
    if variant.family != "phi3":
        fields["head_dim"] = variant.head_dim
    if variant.all_biases:
        fields |= {"attention_bias": True, "mlp_bias": True}
    if any(variant.windows):
        fields["sliding_window"] = max(variant.windows)
    if variant.family.startswith("gemma"):
        fields |= gemma_fields(variant, rope)
    return fields


def gemma_fields(variant: Variant, rope: dict[str, Any]) -> dict[str, Any]:
    assert variant.attention_scale
    fields: dict[str, Any] = {
        "layer_types": ["sliding_attention" if window else "full_attention" for window in variant.windows],
        "attn_logit_softcapping": variant.attention_softcap or None,
        "final_logit_softcapping": variant.logit_softcap or None,
        "query_pre_attn_scalar": round(variant.attention_scale**-2),
        "attn_implementation": "eager",  # the others leave the soft cap out
    }
    if variant.family == "gemma3":
        local = {"rope_type": "default", "rope_theta": 100.0}
        fields["rope_parameters"] = {"full_attention": rope, "sliding_attention": local}
    return fields


def renamed(variant: Variant) -> dict[str, torch.Tensor]:
    """The weights under the names of `transformers`."""
    bert, gemma = variant.family == "bert", variant.family.startswith("gemma")
    model, layer = (BERT_MODEL, BERT_LAYER) if bert else (MODEL, LAYER | (GEMMA_LAYER if gemma else BEHIND_LAYER))
    outer = "bert." if variant.labels else ""
    state: dict[str, torch.Tensor] = {}
    for name, weight in weights(variant).items():
        *place, short = name.split(".")
        stem, kind = (short.removesuffix("_bias"), "bias") if short.endswith("_bias") else (short, "weight")
        if place:
            prefix = f"{outer}encoder.layer.{place[1]}." if bert else f"model.layers.{place[1]}."
            full = prefix + layer[stem]
        else:
            full = model[stem] if stem == "classifier" else (outer if bert else "") + model[stem]
        values = torch.from_numpy(weight.dense().copy())
        state[f"{full}.{kind}"] = values - 1 if gemma and "norm" in stem else values
    if variant.family == "phi3":
        for i in range(LAYERS):
            attention, mlp = f"model.layers.{i}.self_attn.", f"model.layers.{i}.mlp."
            state[f"{attention}qkv_proj.weight"] = torch.cat([state.pop(f"{attention}{x}_proj.weight") for x in "qkv"])
            state[f"{mlp}gate_up_proj.weight"] = torch.cat([state.pop(f"{mlp}{x}_proj.weight") for x in ("gate", "up")])
    if variant.tied:
        state["lm_head.weight"] = state["model.embed_tokens.weight"]
    return state


def frequencies(model: Any) -> dict[str, Any]:
    """The rotary frequencies that the model uses, under the names that the tests read."""
    rotary = getattr(getattr(model, "model", None), "rotary_emb", None)
    if rotary is None:
        return {}
    if hasattr(rotary, "full_attention_inv_freq"):
        return {
            "rope": rotary.full_attention_inv_freq.numpy(),
            "rope_scale": rotary.full_attention_attention_scaling,
            "local_rope": rotary.sliding_attention_inv_freq.numpy(),
            "local_rope_scale": rotary.sliding_attention_attention_scaling,
        }
    return {"rope": rotary.inv_freq.numpy(), "rope_scale": rotary.attention_scaling}


if __name__ == "__main__":
    main()
