"""The tensors of a Hugging Face folder -> canonical names: fused ones cut, Gemma's norms made ready to multiply."""

import re
from collections.abc import Collection, Iterator, Mapping

from headrace.errors import ModelInvalid
from headrace.weights.checkpoint import GEMMAS, Architecture
from headrace.weights.gguf_names import Named, cut_fused
from headrace.weights.own_names import own_part, taken_apart
from headrace.weights.stored import StoredWeight

PREFIX = re.compile(
    r"^(?:language_model\.model\.|model\.language_model\.|language_model\.|model\."
    r"|bert\.|roberta\.|mpnet\.|distilbert\.)"
)

IGNORED = re.compile(
    r"(?:.*\.)?(?:rotary_emb\.inv_freq|position_ids|masked_bias)"
    r"|(?:model\.)?(?:vision_tower|multi_modal_projector|vision_model)\..*"
    r"|cls\.(?:predictions|seq_relationship)\..*|vocab_(?:transform|layer_norm|projector)\..*"
)
"""Tensors that no answer depends on: what can be computed again, images, and the heads of pre-training."""

MODEL = {
    "embed_tokens": "embed",
    "norm": "norm",
    "lm_head": "head",
    "embeddings.word_embeddings": "embed",
    "embeddings.position_embeddings": "positions",
    "embeddings.token_type_embeddings": "types",
    "embeddings.LayerNorm": "embed_norm",
    "pooler.dense": "pooler",
    "classifier": "classifier",
    "classifier.dense": "pooler",  # of RoBERTa
    "classifier.out_proj": "classifier",
    "encoder.relative_attention_bias": "distances",  # of MPNet
}
LAYER = {
    "input_layernorm": "attention_norm",
    "self_attn.q_proj": "q",
    "self_attn.k_proj": "k",
    "self_attn.v_proj": "v",
    "self_attn.qkv_proj": "qkv",
    "self_attn.o_proj": "o",
    "self_attn.q_norm": "q_norm",
    "self_attn.k_norm": "k_norm",
    "post_attention_layernorm": "ffn_norm",
    "pre_feedforward_layernorm": "ffn_norm",
    "post_feedforward_layernorm": "post_ffn_norm",
    "mlp.gate_proj": "gate",
    "mlp.up_proj": "up",
    "mlp.gate_up_proj": "gate_up",
    "mlp.down_proj": "down",
    "attention.self.query": "q",
    "attention.self.key": "k",
    "attention.self.value": "v",
    "attention.output.dense": "o",
    "attention.output.LayerNorm": "attention_norm",
    "intermediate.dense": "up",
    "output.dense": "down",
    "output.LayerNorm": "ffn_norm",
}
MODERN_MODEL = {
    "embeddings.tok_embeddings": "embed",
    "embeddings.norm": "embed_norm",
    "final_norm": "norm",
    "head.dense": "pooler",
    "head.norm": "pooler_norm",
    "classifier": "classifier",
}
MODERN_LAYER = {
    "attn_norm": "attention_norm",
    "attn.Wqkv": "qkv",
    "attn.Wo": "o",
    "mlp_norm": "ffn_norm",
    "mlp.Wi": "gate_up",
    "mlp.Wo": "down",
}
"""ModernBERT's own."""

MPNET_LAYER = {
    "attention.attn.q": "q",
    "attention.attn.k": "k",
    "attention.attn.v": "v",
    "attention.attn.o": "o",
    "attention.LayerNorm": "attention_norm",
    "intermediate.dense": "up",
    "output.dense": "down",
    "output.LayerNorm": "ffn_norm",
}
DISTILBERT_MODEL = {
    "embeddings.word_embeddings": "embed",
    "embeddings.position_embeddings": "positions",
    "embeddings.LayerNorm": "embed_norm",
    "pre_classifier": "pooler",
    "classifier": "classifier",
}
DISTILBERT_LAYER = {
    "attention.q_lin": "q",
    "attention.k_lin": "k",
    "attention.v_lin": "v",
    "attention.out_lin": "o",
    "sa_layer_norm": "attention_norm",
    "ffn.lin1": "up",
    "ffn.lin2": "down",
    "output_layer_norm": "ffn_norm",
}
HEADS = (
    "lm_head",
    "classifier",
    "pre_classifier",
    "classifier.dense",
    "classifier.out_proj",
    "head.dense",
    "head.norm",
)
"""Of the model, which stand beside what a prefix names."""

PRETRAINING = {"bert": "lm_head.", "modernbert": "decoder."}
"""The heads that hidden words were guessed with: of RoBERTa and MPNet, and of ModernBERT."""

PATTERN = re.compile(r"(?:(?:encoder\.layer|transformer\.layer|layers)\.(\d{1,6})\.)?(.+?)\.(weight|bias|gamma|beta)")


def ignored(name: str) -> bool:
    return IGNORED.fullmatch(name) is not None


def hf_weights(facts: Architecture, tensors: Mapping[str, StoredWeight]) -> dict[str, StoredWeight]:
    """Every tensor by its canonical name; a head that is tied is left out. Raises ModelInvalid for an unknown one."""
    named: dict[str, StoredWeight] = {}
    for name, tensor in tensors.items():
        if facts.family in PRETRAINING and name.startswith(PRETRAINING[facts.family]):
            continue
        for canonical, weight in _named(name, tensor, facts):
            if canonical in named:
                raise ModelInvalid(f"is a second {hf_name(canonical, facts, tensors)}", name)
            if canonical != "head" or not facts.tied:
                named[canonical] = weight
    return named


def hf_name(canonical: str, facts: Architecture, names: Collection[str]) -> str:
    """What a folder that has tensors of these names calls one, or would call it."""
    told = taken_apart(canonical)
    used = {match[2] for match in (PATTERN.fullmatch(PREFIX.sub("", name)) for name in names) if match}
    part = own_part(told.part, _model(facts) if told.layer is None else _layer(facts), used)
    prefix = next((match[0] for match in map(PREFIX.match, names) if match), "")
    if part in HEADS:
        prefix = "language_model." if prefix == "language_model.model." else ""
    layers = "transformer.layer" if _distilled(facts) else "encoder.layer" if facts.family == "bert" else "layers"
    layer = "" if told.layer is None else f"{layers}.{told.layer}."
    return f"{prefix}{layer}{part}.{told.ending}"


def _named(name: str, tensor: StoredWeight, facts: Architecture) -> Iterator[Named]:
    match = PATTERN.fullmatch(PREFIX.sub("", name))
    layer, part, ending = match.groups() if match else (None, name, "")
    canonical = (_model(facts) if layer is None else _layer(facts)).get(part)
    if canonical is None:
        raise ModelInvalid(f"is no tensor of {facts.family} that is known", name[:200])
    if facts.family in GEMMAS and canonical.endswith("norm"):
        tensor = tensor.plus(1.0)
    prefix = "" if layer is None else f"layers.{int(layer)}."
    suffix = "_bias" if ending in {"bias", "beta"} else ""
    yield from cut_fused(prefix, canonical, suffix, tensor, facts, name)


def _model(facts: Architecture) -> Mapping[str, str]:
    if facts.family == "modernbert":
        return MODERN_MODEL
    return DISTILBERT_MODEL if _distilled(facts) else MODEL


def _layer(facts: Architecture) -> Mapping[str, str]:
    if facts.family == "modernbert":
        return MODERN_LAYER
    if facts.distances:
        return MPNET_LAYER
    if _distilled(facts):
        return DISTILBERT_LAYER
    return LAYER | {"post_attention_layernorm": "post_attention_norm"} if facts.post_norms else LAYER


def _distilled(facts: Architecture) -> bool:
    """Whether it is DistilBERT, whose tokens are of no text of a pair and equally shifted at every distance."""
    return not facts.types and not facts.distances
