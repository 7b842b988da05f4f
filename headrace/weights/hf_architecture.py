"""What a config.json says of its model -> an Architecture, by the meaning that transformers gives the fields.

transformers reads no other field for these models; one that it reads and this does not is refused.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from headrace.errors import ModelInvalid
from headrace.weights.checkpoint import ENCODERS, GEMMAS, Architecture
from headrace.weights.fields import Fields
from headrace.weights.hf_families import DEFAULTS, ENCODER_HEADS, FAMILIES, FIXED, HEADS, NESTED, OWN_NAMES
from headrace.weights.hf_rope import Positions, hf_rope
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

ACTIVATIONS: Mapping[str, Literal["silu", "gelu_tanh", "gelu"]] = {
    "silu": "silu",
    "swish": "silu",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_new": "gelu_tanh",
    "gelu": "gelu",
}

GEMMAS_ACTIVATION = "gelu_pytorch_tanh"
"""Where `hidden_activation` is null, whatever `hidden_act` says: the first files say another by mistake."""

EVERYWHERE = ("mistral", "phi3")
"""Families that have the window in every layer."""

UNWINDOWED = ("llama", "gemma", "granite", "olmo2")
"""Families that have none, whatever the file says."""

NORM_EPS = {"bert": "layer_norm_eps", "modernbert": "norm_eps"}
"""What families call it that do not say `rms_norm_eps`."""

POOLINGS: Mapping[str, Literal["cls", "mean"]] = {"cls": "cls", "mean": "mean"}
"""Of a `classifier_pooling`."""

UNTYPED = ("mpnet", "distilbert")
"""Encoders whose tokens are not marked by the text that they are of."""

DISTANCES = 32
"""Kinds of distance that MPNet has, as T5: half of them behind a token, half before it."""


class Config(msgspec.Struct, frozen=True):
    """A config.json: the fields of the text model with the family's defaults, and the file's own top."""

    fields: Fields
    top: Fields
    model_type: str

    def own(self, key: str) -> str:
        """What this kind of model calls the field."""
        return OWN_NAMES.get(self.model_type, {}).get(key, key)


def hf_config(top: Fields) -> Config:
    """Raises ModelInvalid where the kind of model, its head or its quantisation is not supported."""
    model_type = top.text("model_type")
    told: Fields = top
    if model_type in NESTED:
        told, model_type = top.part("text_config"), NESTED[model_type]
    if model_type not in FAMILIES:
        known = ", ".join([*FAMILIES, *NESTED])
        raise top.fault("model_type", f"{model_type!r:.80} is not supported; read are {known}")
    for fields in (top, told):
        if fields.has("quantization_config"):
            raise fields.fault("quantization_config", "quantised safetensors are not supported; GGUF files are")
    for name in top.items("architectures") if top.has("architectures") else []:
        endings = ENCODER_HEADS if FAMILIES[model_type] in ENCODERS else HEADS
        if not isinstance(name, str) or not name.endswith(endings):
            raise top.fault("architectures", f"{name!r:.80} is not supported; read are those that end in {endings}")
    where = "config.json: text_config." if told is not top else "config.json"
    values = {**DEFAULTS[model_type], **told.values, **FIXED.get(model_type, {})}
    return Config(Fields(values, where), top, model_type)


def hf_architecture(config: Config, *, embeds: bool = False) -> Architecture:
    """`embeds`: the model is to give vectors of texts.

    Raises ModelInvalid with the field that is missing, wrong or not supported.
    """
    fields, family = config.fields, FAMILIES[config.model_type]
    makers = {"bert": _encoder, "modernbert": _modern_encoder}
    facts = makers[family](config) if family in makers else _decoder(config, family)
    if family not in ENCODERS and not fields.flag("is_causal", True):
        if not embeds:
            raise fields.fault("is_causal", "must be true for a model that continues texts")
        facts = msgspec.structs.replace(facts, sees_all=True)
    both_ways = family == "gemma3" and embeds and fields.flag("use_bidirectional_attention", False)
    for key in ("add_cross_attention", "is_decoder", *(() if both_ways else ("use_bidirectional_attention",))):
        if fields.has(key) and fields.flag(key):
            raise fields.fault(key, "is not supported")
    return _seeing_both_ways(check_sizes(facts)) if both_ways else check_sizes(facts)


def _seeing_both_ways(facts: Architecture) -> Architecture:
    """Gemma 3 that embeds: the window that the file says is of both sides together."""
    windows = tuple(window // 2 + 1 if window else 0 for window in facts.windows)
    return msgspec.structs.replace(facts, windows=windows, sees_all=True)


def _sizes(config: Config, family: Any, act: str) -> Architecture:
    """All that every family has."""
    fields = config.fields
    hidden = fields.integer(config.own("hidden_size"), high=MAX_WIDTH)
    heads = fields.integer(config.own("num_attention_heads"), high=MAX_HEADS)
    own_act = config.own(act)
    name = fields.text(own_act, GEMMAS_ACTIVATION if family in GEMMAS else None)
    if name not in ACTIVATIONS:
        raise fields.fault(own_act, f"{name!r:.80} is not supported; read are {', '.join(ACTIVATIONS)}")
    return Architecture(
        family=family,
        num_layers=fields.integer(config.own("num_hidden_layers"), high=MAX_LAYERS),
        hidden=hidden,
        heads=heads,
        kv_heads=fields.integer("num_key_value_heads", heads, high=heads),
        head_dim=fields.integer("head_dim", hidden // heads or None, high=MAX_HEAD_DIM),
        intermediate=fields.integer(config.own("intermediate_size"), high=MAX_WIDTH),
        vocabulary=fields.integer("vocab_size", high=MAX_VOCABULARY),
        max_context=fields.integer("max_position_embeddings", high=MAX_CONTEXT),
        norm_eps=fields.number(NORM_EPS.get(family, "rms_norm_eps"), low=0.0),
        activation=ACTIVATIONS[name],
    )


def _encoder(config: Config) -> Architecture:
    fields = config.fields
    facts = _sizes(config, "bert", "hidden_act")
    if fields.text("position_embedding_type") != "absolute":
        raise fields.fault("position_embedding_type", "must be absolute")
    _check_heads(facts, config)
    if facts.max_context <= position_offset(config):
        raise fields.fault("max_position_embeddings", f"must be more than {position_offset(config)}")
    distances = config.model_type == "mpnet"
    if distances and fields.integer("relative_attention_num_buckets") != DISTANCES:
        raise fields.fault("relative_attention_num_buckets", f"must be {DISTANCES}: no others are ever counted")
    return msgspec.structs.replace(
        facts,
        max_context=facts.max_context - position_offset(config),
        types=config.model_type not in UNTYPED,
        distances=DISTANCES if distances else 0,
        pooler_bend="relu" if config.model_type == "distilbert" else "tanh",
    )


def _check_heads(facts: Architecture, config: Config) -> None:
    if facts.heads * facts.head_dim != facts.hidden or facts.kv_heads != facts.heads:
        own = config.own("num_attention_heads")
        raise config.fields.fault(own, f"{facts.heads} heads do not divide {facts.hidden}")


def _modern_encoder(config: Config) -> Architecture:
    """Each layer rotates by its kind; those that are not global see half of `local_attention` to each side."""
    fields = config.fields
    facts = _sizes(config, "modernbert", "hidden_activation")
    _check_heads(facts, config)
    if fields.text("classifier_activation") != fields.text("hidden_activation"):
        raise fields.fault("classifier_activation", f"must be hidden_activation, {fields.text('hidden_activation')!r}")
    pooling = fields.text("classifier_pooling")
    if pooling not in POOLINGS:
        raise fields.fault("classifier_pooling", f"{pooling!r:.80} is not supported; read are {', '.join(POOLINGS)}")
    everywhere, near = (
        _modern_rope(fields, facts, f"{span}_rope_theta", f"{kind}_attention")
        for span, kind in (("global", "full"), ("local", "sliding"))
    )
    window = fields.integer("local_attention", low=2, high=MAX_CONTEXT) // 2 + 1
    windows = [window if local else 0 for local in _local_layers(fields, "modernbert", facts.num_layers)]
    return msgspec.structs.replace(
        facts,
        rope=everywhere.rope,
        local_rope=near.rope,
        max_context=everywhere.max_context,
        windows=telling_windows(tuple(windows)),
        pooling=(POOLINGS[pooling],),
    )


def _modern_rope(fields: Fields, facts: Architecture, theta: str, layers: str) -> Positions:
    """The base is that of `rope_parameters` for these layers, else the field `theta`."""
    if fields.has("rope_theta"):
        raise fields.fault("rope_theta", "is not supported for modernbert: each kind of layers has its own")
    if fields.has("rope_parameters") and not fields.part("rope_parameters").has(layers):
        raise fields.fault("rope_parameters", f"must tell of {layers}")
    positions = hf_rope(fields, facts.head_dim, facts.max_context, fields.number(theta, low=1.001), layers)
    if 2 * len(positions.rope.frequencies) != facts.head_dim:
        raise fields.fault("partial_rotary_factor", "must be 1 for modernbert")
    if positions.long_rope is not None:
        raise fields.fault("rope_parameters", "longrope is not supported for modernbert")
    return positions


def position_offset(config: Config) -> int:
    """The row of the first position: RoBERTa counts from the one behind the padding token's id, MPNet from 2 always."""
    if config.model_type in {"bert", "distilbert"}:
        return 0
    if config.model_type == "mpnet":
        return 2
    return config.fields.integer("pad_token_id", low=0, high=1024) + 1


def _decoder(config: Config, family: str) -> Architecture:
    fields, gemma = config.fields, family in GEMMAS
    facts = _sizes(config, family, "hidden_activation" if gemma else "hidden_act")
    split = family == "gemma3"  # its layers rotate by kind
    base = fields.positive("rope_theta")
    positions = hf_rope(fields, facts.head_dim, facts.max_context, base, "full_attention" if split else "")
    if family != "phi3" and 2 * len(positions.rope.frequencies) != facts.head_dim:
        raise fields.fault("partial_rotary_factor", f"must be 1 for {family}")
    windows = _windows(fields, family, facts.num_layers)
    reach = max(positions.max_context, positions.long_context)
    facts = msgspec.structs.replace(
        facts,
        rope=positions.rope,
        max_context=positions.max_context,
        long_rope=positions.long_rope,
        long_context=positions.long_context,
        tied=_tied(config),
        qk_norm=family in {"qwen3", "gemma3"},
        windows=telling_windows(windows) if split else useful_windows(windows, reach),
    )
    return SHAPERS[family](facts, fields) if family in SHAPERS else facts


def _tied(config: Config) -> bool:
    key = "tie_word_embeddings"
    if config.top.has(key):
        return config.top.flag(key)
    return config.fields.flag(key)


def _gemma(facts: Architecture, fields: Fields) -> Architecture:
    return msgspec.structs.replace(facts, embed_scale=facts.hidden**0.5)


def _granite(facts: Architecture, fields: Fields) -> Architecture:
    return msgspec.structs.replace(
        facts,
        embed_scale=fields.number("embedding_multiplier"),
        attention_scale=fields.positive("attention_multiplier"),
        residual_scale=fields.number("residual_multiplier"),
        logit_scale=1 / fields.positive("logits_scaling"),
    )


def _smollm3(facts: Architecture, fields: Fields) -> Architecture:
    """A list has 1 for each layer that is turned; without one each fourth is not."""
    if fields.has("no_rope_layers"):
        turned = fields.items("no_rope_layers")
        if len(turned) < facts.num_layers or any(each not in (0, 1) for each in turned):
            raise fields.fault("no_rope_layers", f"must be {facts.num_layers} times 0 or 1")
    else:
        every = fields.integer("no_rope_layer_interval")
        turned = [(layer + 1) % every for layer in range(facts.num_layers)]
    unturned = tuple(layer for layer in range(facts.num_layers) if not turned[layer])
    return msgspec.structs.replace(facts, unturned=unturned)


def _olmo2(facts: Architecture, fields: Fields) -> Architecture:
    return msgspec.structs.replace(facts, qk_norm=True, joint_qk_norm=True, pre_norms=False, post_norms=True)


def _gemma2(facts: Architecture, fields: Fields) -> Architecture:
    return msgspec.structs.replace(
        _gemma(facts, fields),
        post_norms=True,
        attention_scale=fields.positive("query_pre_attn_scalar") ** -0.5,
        attention_softcap=_unless_null(fields, "attn_logit_softcapping"),
        logit_softcap=_unless_null(fields, "final_logit_softcapping"),
    )


def _gemma3(facts: Architecture, fields: Fields) -> Architecture:
    facts = _gemma2(facts, fields)
    if fields.has("rope_parameters") and fields.part("rope_parameters").has("sliding_attention"):
        local = hf_rope(fields, facts.head_dim, facts.max_context, layers="sliding_attention").rope
    else:
        local = rope(plain(facts.head_dim, fields.number("rope_local_base_freq", low=1.001)))
    return msgspec.structs.replace(facts, local_rope=local)


SHAPERS: Mapping[str, Callable[[Architecture, Fields], Architecture]] = {
    "gemma": _gemma,
    "gemma2": _gemma2,
    "gemma3": _gemma3,
    "granite": _granite,
    "smollm3": _smollm3,
    "olmo2": _olmo2,
}
"""What a family has besides."""


def _unless_null(fields: Fields, key: str) -> float:
    return fields.number(key, low=0.0) if fields.has(key) else 0.0


def _windows(fields: Fields, family: str, num_layers: int) -> tuple[int, ...]:
    """How many tokens back each layer sees; 0: all."""
    unused = family in {"qwen2", "qwen3", "smollm3"} and not fields.flag("use_sliding_window", False)
    if family in UNWINDOWED or unused or not fields.has("sliding_window"):
        return (0,) * num_layers
    window = fields.integer("sliding_window", low=0)
    return tuple(window if local else 0 for local in _local_layers(fields, family, num_layers))


def _local_layers(fields: Fields, family: str, num_layers: int) -> list[bool]:
    if family in EVERYWHERE:
        return [True] * num_layers
    if fields.has("layer_types"):
        kinds = fields.items("layer_types")
        if len(kinds) != num_layers or any(kind not in ("full_attention", "sliding_attention") for kind in kinds):
            raise fields.fault("layer_types", f"must be {num_layers} times full_attention or sliding_attention")
        return [kind == "sliding_attention" for kind in kinds]
    if family == "modernbert":
        every = fields.integer("global_attn_every_n_layers")
        return [layer % every != 0 for layer in range(num_layers)]
    if family in {"qwen2", "qwen3"}:
        first = fields.integer("max_window_layers", low=0)
        return [layer >= first for layer in range(num_layers)]
    pattern = "_sliding_window_pattern" if fields.has("_sliding_window_pattern") else "sliding_window_pattern"
    every = fields.integer(pattern)
    return [(layer + 1) % every != 0 for layer in range(num_layers)]


def with_labels(facts: Architecture, classifier: Any) -> Architecture:
    """A cross-encoder has as many labels as its classifier has rows."""
    if classifier is None:
        return facts
    if len(classifier.shape) != 2:
        raise ModelInvalid(f"must be a matrix, has the shape {list(classifier.shape)}", "classifier")
    return msgspec.structs.replace(facts, labels=classifier.shape[0])
