"""What a file of weights says, whatever its format: the architecture, tensors under canonical names, the tokenizer.

Canonical names. Of the model: `embed`, `norm` (the last), `head` (absent where it is tied to `embed`), `head_bias`.
Of layer i, after `layers.{i}.`: `attention_norm`, `q`, `k`, `v`, `o`, `q_norm`, `k_norm`, `post_attention_norm`,
`ffn_norm`, `gate`, `up`, `down`, `post_ffn_norm`; biases are the same with `_bias` (`q_bias`, `attention_norm_bias`).
Of an encoder besides: `positions` (its row 0 is of the first token), `types`, `distances` ([buckets, heads]),
`embed_norm`, and `pooler`, `classifier` where there is one; BERT's `attention_norm` and `ffn_norm` stand behind, on the
sum. ModernBERT has a `pooler_norm` behind its pooler, and no `attention_norm` in its first layer. Of what
makes vectors of texts besides: `dense.{i}`.
Matrices are [out, in]; norms of Gemma are stored ready to multiply (1 added). Rows of `q` and `k` are in the order
that rotates halves, whatever the file's order was.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.generation import GenerationDefaults


class Rope(msgspec.Struct, frozen=True):
    """Rotary positions. `frequencies` (half as many as values turn) are final: scaling of every kind is in them.

    Where there are fewer than half of a head's values, only its first ones turn, and only they are scaled.
    """

    frequencies: tuple[float, ...]
    scale: float = 1.0  # of cosine and sine (yarn's attention factor)


Family = Literal[
    "llama",
    "mistral",
    "qwen2",
    "qwen3",
    "gemma",
    "gemma2",
    "gemma3",
    "granite",
    "phi3",
    "smollm3",
    "olmo2",
    "bert",
    "modernbert",
]
GEMMAS = ("gemma", "gemma2", "gemma3")
ENCODERS = ("bert", "modernbert")


Pooling = Literal["mean", "mean_sqrt", "weighted_mean", "max", "cls", "last"]
"""Of a text's tokens: their mean, their sum over the root of how many they are, their mean with the n-th counted n
times, the greatest of each number, the first, the last."""


class Dense(msgspec.Struct, frozen=True):
    """A layer behind the pooling: a product, and a bend."""

    width: int  # of what it gives
    activation: Literal["tanh", "identity", "relu", "gelu"]
    of_unit: bool = False  # what it is given is brought to length 1 first


class Architecture(msgspec.Struct, frozen=True):
    """What the graph builder needs to know; every family is a choice among these."""

    family: Family
    num_layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocabulary: int
    max_context: int
    norm_eps: float
    rope: Rope | None = None  # None: learned positions (bert)
    long_rope: Rope | None = None  # in place of `rope` where more than `max_context` tokens are to be reached (phi3)
    long_context: int = 0  # tokens that it reaches; 0: there is none
    local_rope: Rope | None = None  # of sliding-window layers, where they have their own (gemma3, modernbert)
    unturned: tuple[int, ...] = ()  # layers whose queries and keys are not turned (smollm3)
    windows: tuple[int, ...] = ()  # by layer: a token sees so many, itself among them; 0: all. Empty: all, everywhere
    # (of an encoder: so many to each side)
    activation: Literal["silu", "gelu_tanh", "gelu"] = "silu"
    attention_scale: float | None = None  # None: 1 / sqrt(head_dim)
    attention_softcap: float = 0.0  # 0: none
    logit_softcap: float = 0.0
    logit_scale: float = 1.0
    embed_scale: float = 1.0
    residual_scale: float = 1.0  # of what attention and feed-forward add (granite)
    qk_norm: bool = False
    joint_qk_norm: bool = False  # where there is one: of all heads together, not of each (olmo2)
    pre_norms: bool = True  # norms before attention and feed-forward (olmo2 has those behind alone)
    post_norms: bool = False  # norms behind attention and feed-forward too (gemma2, gemma3, olmo2)
    tied: bool = False
    pooling: tuple[Pooling, ...] = ()
    """Which of a text's tokens its vector, or its score, is made of; of several ways, one after another."""
    dense: tuple[Dense, ...] = ()  # that the vector then goes through
    normalize: bool = False  # of what embeds: vectors of length 1
    sees_all: bool = (
        False  # of a decoder that embeds: each token sees what is behind it too, in a window as far as back
    )
    types: bool = True  # of an encoder: tokens are marked by which of a pair's texts they are of
    distances: int = 0  # of an encoder: kinds of distance that scores of attention are shifted by (mpnet); 0: none
    labels: int = 0  # of a cross-encoder: outputs of its classifier
    pooler_bend: Literal["tanh", "relu"] = "tanh"  # of a cross-encoder, before its classifier

    @property
    def generates(self) -> bool:
        """Whether it continues texts. An encoder, and a decoder that pools its tokens, read whole ones instead."""
        return self.family not in ENCODERS and not self.pooling


class Weight(Protocol):
    """One tensor of the file, read when it is asked for."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def kind(self) -> str:
        """As the file says: "F32", "BF16", "Q4_1", ..."""
        ...

    def dense(self) -> NDArray[np.float32]:
        """Its values as float32. Raises ModelInvalid where the file does not hold them."""
        ...

    def cut(self, begin: int, end: int) -> "Weight":
        """The rows from `begin` to before `end`."""
        ...


class TokenizerSource(msgspec.Struct, frozen=True):
    """Where the tokenizer comes from: a tokenizer.json, or the fields of a GGUF file."""

    json: Path | None = None
    ending: str = ""  # a token that stands behind every text where tokenizer.json puts none there
    fields: Mapping[str, Any] = {}  # `tokenizer.ggml.*` without that prefix; arrays as lists or numpy arrays


class Templates(msgspec.Struct, frozen=True):
    """A model's own chat templates."""

    default: str | None = None
    tool_use: str | None = None  # in its place where a request has tools
    names: tuple[str, ...] = ()  # of all that there are, where they have some

    @classmethod
    def of(cls, named: Mapping[str, str]) -> "Templates":
        """The two that are used of all that a model has; an empty text is none."""
        return cls(named.get("default") or None, named.get("tool_use") or None, tuple(sorted(named)))


class Checkpoint(msgspec.Struct, frozen=True):
    """A model read from disk; it maps the file for as long as it lives."""

    source: Literal["gguf", "safetensors", "openvino"]
    architecture: Architecture
    weights: Mapping[str, Weight]  # by canonical name
    tokenizer: TokenizerSource
    chat_templates: Templates
    bos_id: int | None
    eos_ids: tuple[int, ...]
    max_input: int  # tokens that may be given: `max_seq_length` of what embeds or scores, else `max_context`
    digest: str  # changes when the file changes: for caches of what was made from it
    defaults: GenerationDefaults = GenerationDefaults()  # that the file recommends
