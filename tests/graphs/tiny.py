"""Tiny models of every family, made of seeds: what the goldens are computed for, and what the tests rebuild."""

from pathlib import Path
from typing import Literal
from zlib import crc32

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.weights.checkpoint import Architecture, Checkpoint, Family, Rope, Templates, TokenizerSource

HIDDEN, HEADS, KV_HEADS, INNER, VOCABULARY, LAYERS, CONTEXT = 64, 4, 2, 96, 128, 3, 256
QK_NORMS = ("q_norm", "k_norm")
GOLDEN = Path(__file__).parent / "golden"


class Variant(msgspec.Struct, frozen=True):
    """A tiny model, by what it has that others lack."""

    family: Family
    head_dim: int = 16
    windows: tuple[int, ...] = ()
    qkv_bias: bool = False
    all_biases: bool = False
    qk_norm: bool = False
    joint_qk_norm: bool = False
    pre_norms: bool = True
    post_norms: bool = False
    tied: bool = False
    activation: Literal["silu", "gelu_tanh", "gelu"] = "silu"
    attention_scale: float | None = None
    attention_softcap: float = 0.0
    logit_softcap: float = 0.0
    embed_scale: float = 1.0
    labels: int = 0
    theta: float = 10_000.0
    scaling: dict[str, float | str] = {}  # as `rope_parameters` of a config.json
    turned: float = 1.0  # part of a head that is turned


GEMMA = {"activation": "gelu_tanh", "post_norms": True, "tied": True, "embed_scale": 8.0, "attention_scale": 0.2}

VARIANTS = {
    "llama": Variant("llama"),
    "llama_biases": Variant("llama", all_biases=True, tied=True),
    "llama_linear": Variant("llama", scaling={"rope_type": "linear", "factor": 4.0}),
    "llama_llama3": Variant(
        "llama",
        scaling={
            "rope_type": "llama3",
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 32,
        },
    ),
    "mistral": Variant("mistral", head_dim=32, windows=(8,) * LAYERS),
    "qwen2": Variant("qwen2", qkv_bias=True, tied=True, theta=1_000_000.0),
    "qwen2_yarn": Variant(
        "qwen2", qkv_bias=True, scaling={"rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 32}
    ),
    "qwen3": Variant("qwen3", head_dim=32, qk_norm=True, tied=True),
    "olmo2": Variant("olmo2", qk_norm=True, joint_qk_norm=True, pre_norms=False, post_norms=True, theta=500_000.0),
    "gemma2": Variant("gemma2", windows=(8, 0, 8), attention_softcap=2.0, logit_softcap=3.0, **GEMMA),  # type: ignore[arg-type]
    "gemma2_uncapped": Variant("gemma2", windows=(8, 0, 8), logit_softcap=3.0, **GEMMA),  # type: ignore[arg-type]
    "gemma3": Variant(
        "gemma3",
        windows=(8, 0, 8),
        qk_norm=True,
        scaling={"rope_type": "linear", "factor": 8.0},
        **GEMMA,  # type: ignore[arg-type]
    ),
    "phi3": Variant("phi3", windows=(8,) * LAYERS),
    "phi3_partial": Variant("phi3", turned=0.5, tied=True),
    "bert": Variant("bert", all_biases=True, activation="gelu"),
    "bert_classifier": Variant("bert", all_biases=True, activation="gelu", labels=2),
}


class Drawn(msgspec.Struct, frozen=True):
    """A Weight of random values."""

    values: NDArray[np.float32]
    kind: str = "F32"

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape

    def dense(self) -> NDArray[np.float32]:
        return self.values

    def cut(self, begin: int, end: int) -> "Drawn":
        return Drawn(self.values[begin:end])


def draw(name: str, shape: tuple[int, ...], spread: float, middle: float = 0.0) -> Drawn:
    """The same values for a name and shape, everywhere and always."""
    generator = np.random.Generator(np.random.PCG64(crc32(name.encode())))
    return Drawn((middle + spread * (2 * generator.random(shape) - 1)).astype(np.float32))


def weights(variant: Variant) -> dict[str, Drawn]:
    """By canonical name. Wide enough that attention is far from even, so that a wrong window or position shows."""
    decoder = variant.family != "bert"
    kv_heads = KV_HEADS if decoder else HEADS
    drawn = {"embed": draw("embed", (VOCABULARY, HIDDEN), 0.25 if variant.embed_scale > 1 else 1.5)}
    vectors = {"norm": HIDDEN} if decoder else {"embed_norm": HIDDEN}
    matrices: dict[str, tuple[int, int]] = {}
    if decoder and not variant.tied:
        matrices["head"] = (VOCABULARY, HIDDEN)
    if not decoder:
        matrices |= {"positions": (CONTEXT, HIDDEN), "types": (2, HIDDEN)}
    biased: dict[str, int] = {}
    if variant.labels:
        matrices |= {"pooler": (HIDDEN, HIDDEN), "classifier": (variant.labels, HIDDEN)}
        biased |= {"pooler": HIDDEN, "classifier": variant.labels}
    for layer in (f"layers.{i}." for i in range(LAYERS)):
        width, kv_width = HEADS * variant.head_dim, kv_heads * variant.head_dim
        shapes = {"q": (width, HIDDEN), "k": (kv_width, HIDDEN), "v": (kv_width, HIDDEN), "o": (HIDDEN, width)}
        shapes |= {"up": (INNER, HIDDEN), "down": (HIDDEN, INNER)} | ({"gate": (INNER, HIDDEN)} if decoder else {})
        matrices |= {layer + name: shape for name, shape in shapes.items()}
        some = shapes if variant.all_biases else ("q", "k", "v") if variant.qkv_bias else ()
        biased |= {layer + name: shapes[name][0] for name in some}
        if variant.pre_norms:
            vectors |= {layer + name: HIDDEN for name in ("attention_norm", "ffn_norm")}
        if variant.post_norms:
            vectors |= {layer + name: HIDDEN for name in ("post_attention_norm", "post_ffn_norm")}
        if variant.qk_norm:
            joint = variant.joint_qk_norm
            widths = {"q_norm": width, "k_norm": kv_width} if joint else dict.fromkeys(QK_NORMS, variant.head_dim)
            vectors |= {layer + name: length for name, length in widths.items()}
    drawn |= {name: draw(name, shape, 2.5 / np.sqrt(shape[1])) for name, shape in matrices.items()}
    drawn |= {f"{name}_bias": draw(f"{name}_bias", (length,), 0.5) for name, length in biased.items()}
    drawn |= {name: draw(name, (length,), 0.5, 1.0) for name, length in vectors.items()}
    if not decoder:
        drawn |= {f"{name}_bias": draw(f"{name}_bias", (length,), 0.5) for name, length in vectors.items()}
    return drawn


def architecture(variant: Variant, rope: Rope | None = None, local_rope: Rope | None = None) -> Architecture:
    decoder = variant.family != "bert"
    return Architecture(
        family=variant.family,
        num_layers=LAYERS,
        hidden=HIDDEN,
        heads=HEADS,
        kv_heads=KV_HEADS if decoder else HEADS,
        head_dim=variant.head_dim,
        intermediate=INNER,
        vocabulary=VOCABULARY,
        max_context=CONTEXT,
        norm_eps=1e-6,
        rope=rope,
        local_rope=local_rope,
        windows=variant.windows,
        activation=variant.activation,
        attention_scale=variant.attention_scale,
        attention_softcap=variant.attention_softcap,
        logit_softcap=variant.logit_softcap,
        embed_scale=variant.embed_scale,
        qk_norm=variant.qk_norm,
        joint_qk_norm=variant.joint_qk_norm,
        pre_norms=variant.pre_norms,
        post_norms=variant.post_norms,
        tied=variant.tied,
        labels=variant.labels,
    )


def plain_rope(variant: Variant) -> Rope:
    """Frequencies without scaling."""
    width = int(variant.head_dim * variant.turned)
    return Rope(tuple(float(f) for f in 1.0 / variant.theta ** (np.arange(0, width, 2) / width)))


def checkpoint(facts: Architecture, drawn: dict[str, Drawn]) -> Checkpoint:
    """In memory, without a tokenizer."""
    return Checkpoint(
        source="safetensors",
        architecture=facts,
        weights=drawn,
        tokenizer=TokenizerSource(),
        chat_templates=Templates(),
        bos_id=None,
        eos_ids=(),
        max_input=CONTEXT,
        digest="",
    )


def tokens(length: int) -> NDArray[np.int64]:
    """A text for the tiny models."""
    return np.random.Generator(np.random.PCG64(7)).integers(0, VOCABULARY, length).astype(np.int64)


class Golden(msgspec.Struct, frozen=True):
    """What `transformers` computed for a variant, and the rotary frequencies that it used."""

    logits: NDArray[np.float32]
    rope: Rope | None
    local_rope: Rope | None


def golden(name: str) -> Golden:
    with np.load(GOLDEN / f"{name}.npz") as file:
        ropes = {
            key: Rope(tuple(float(f) for f in file[key]), float(file[f"{key}_scale"])) if key in file else None
            for key in ("rope", "local_rope")
        }
        return Golden(file["logits"], ropes["rope"], ropes["local_rope"])


def golden_checkpoint(name: str) -> Checkpoint:
    variant, wanted = VARIANTS[name], golden(name)
    return checkpoint(architecture(variant, wanted.rope, wanted.local_rope), weights(variant))
