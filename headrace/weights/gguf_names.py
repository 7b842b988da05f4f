"""The tensors of a GGUF file -> canonical names: fused ones cut, rows of Llama's q and k put back in order."""

import re
from collections.abc import Collection, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from headrace.errors import ModelInvalid
from headrace.weights.checkpoint import Architecture
from headrace.weights.own_names import own_part, taken_apart
from headrace.weights.stored import StoredWeight

Named = tuple[str, StoredWeight]

MODEL = {
    "token_embd": "embed",
    "output_norm": "norm",
    "output": "head",
    "position_embd": "positions",
    "token_types": "types",
    "token_embd_norm": "embed_norm",
    "cls": "pooler",
    "cls.output": "classifier",
}
LAYER = {
    "attn_norm": "attention_norm",
    "attn_q": "q",
    "attn_k": "k",
    "attn_v": "v",
    "attn_qkv": "qkv",
    "attn_output": "o",
    "attn_q_norm": "q_norm",
    "attn_k_norm": "k_norm",
    "post_attention_norm": "post_attention_norm",
    "ffn_norm": "ffn_norm",
    "ffn_gate": "gate",
    "ffn_up": "up",
    "ffn_down": "down",
    "post_ffw_norm": "post_ffn_norm",
    "attn_output_norm": "attention_norm",  # of an encoder, behind
    "layer_output_norm": "ffn_norm",
}

IGNORED = frozenset({"rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight"})
"""Read with the rotary positions."""

NEIGHBOURS = ("llama", "granite", "smollm3")
"""Families whose neighbouring values llama.cpp turns."""

PATTERN = re.compile(r"(?:blk\.(\d{1,6})\.)?([a-z_.]+?)\.(weight|bias)")


def gguf_weights(facts: Architecture, tensors: Mapping[str, StoredWeight]) -> dict[str, StoredWeight]:
    """Every tensor by its canonical name. Raises ModelInvalid for one that no name is known of."""
    named: dict[str, StoredWeight] = {}
    for name, tensor in tensors.items():
        if name in IGNORED or name.endswith("attn_rot_embd.weight"):
            continue
        for canonical, weight in _named(name, tensor, facts):
            if canonical in named:
                raise ModelInvalid(f"is a second {gguf_name(canonical, facts, tensors)}", f"tensors[{name}]")
            named[canonical] = weight
    return named


def gguf_name(canonical: str, facts: Architecture, names: Collection[str]) -> str:
    """What a file that has tensors of these names calls one, or would call it."""
    told = taken_apart(canonical)
    part = "up" if facts.family == "phi3" and told.part == "gate" else told.part  # both are in one
    used = {match[2] for match in map(PATTERN.fullmatch, names) if match}
    prefix, known = ("", MODEL) if told.layer is None else (f"blk.{told.layer}.", LAYER)
    return f"{prefix}{own_part(part, known, used)}.{told.ending}"


def _named(name: str, tensor: StoredWeight, facts: Architecture) -> Iterator[Named]:
    match = PATTERN.fullmatch(name)
    layer, part, ending = match.groups() if match else (None, name, "")
    canonical = (MODEL if layer is None else LAYER).get(part)
    if canonical is None:
        raise ModelInvalid(f"is no tensor of {facts.family} that is known", f"tensors[{name}]")
    prefix = "" if layer is None else f"layers.{int(layer)}."
    suffix = "_bias" if ending == "bias" else ""
    if facts.family in NEIGHBOURS and canonical in {"q", "k"}:
        heads = facts.heads if canonical == "q" else facts.kv_heads
        tensor = _halves(tensor, heads, name)
    yield from cut_fused(prefix, canonical, suffix, tensor, facts, name)


def cut_fused(
    prefix: str, canonical: str, suffix: str, tensor: StoredWeight, facts: Architecture, name: str
) -> Iterator[Named]:
    """A tensor of several matrices one under another as one weight each; any other as it is."""
    inner, queries, keys = facts.intermediate, facts.heads * facts.head_dim, facts.kv_heads * facts.head_dim
    parts = {"qkv": {"q": queries, "k": keys, "v": keys}, "gate_up": {"gate": inner, "up": inner}}.get(canonical)
    if canonical == "up" and facts.family == "phi3" and tensor.shape[0] == 2 * inner:
        parts = {"gate": inner, "up": inner}
    if parts is None:
        yield f"{prefix}{canonical}{suffix}", tensor
        return
    if tensor.shape[0] != sum(parts.values()):
        raise ModelInvalid(f"must have {sum(parts.values())} rows, has {tensor.shape[0]}", f"tensors[{name}]")
    begin = 0
    for part, rows in parts.items():
        yield f"{prefix}{part}{suffix}", tensor.cut(begin, begin + rows)
        begin += rows


def _halves(tensor: StoredWeight, heads: int, name: str) -> StoredWeight:
    """llama.cpp rotates neighbours here, and its converter interleaved the rows of a head's two halves."""
    rows = tensor.shape[0]
    if rows % (2 * heads):
        raise ModelInvalid(f"has {rows} rows, which are no pairs of {heads} heads", f"tensors[{name}]")
    return tensor.reordered(halves_order(rows, heads))


def halves_order(rows: int, heads: int) -> NDArray[np.intp]:
    """Which row of the file comes next where halves are to rotate."""
    return np.arange(rows).reshape(heads, -1, 2).swapaxes(1, 2).reshape(-1)
