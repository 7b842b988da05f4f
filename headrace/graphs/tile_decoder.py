"""A decoder's graph for our own kernels: attention reads blocks of a cache from the start, and no pass puts it in.

What lies between the product that gives queries, keys and values and the one that takes what heads have mixed is one
operation: norms of heads, turning, the cache, windows, soft caps and groups of heads are in it. A token's bits are the
same whatever else a step computes, and however a prompt is cut into steps.
"""

import openvino as ov
import openvino.opset15 as op

from headrace.graphs.attention import all_heads, lengths, norm_weights, score_scale
from headrace.graphs.decoder import check, hidden_states, logits_of
from headrace.graphs.layer import Tensors
from headrace.graphs.linear import Node, Precision, Vocabulary
from headrace.graphs.nodes import f32, i64, named_result, parameter
from headrace.graphs.rope import Turns
from headrace.kernels import operations
from headrace.kernels.operations import BLOCK_TOKENS, SCALE_BYTES, TurnedHeads
from headrace.weights.checkpoint import Architecture, Checkpoint

DIM_STEP, MOST_DIM = 16, 256
"""Of a head, what the kernel computes."""

TOKENS = ("input_ids", "position_ids")
SEQUENCES = ("past_lens", "subsequence_begins", "block_indices", "block_indices_begins")
"""Inputs of a step, each in one row, as the paged-attention pass has them: of i64 and of i32."""


def fits_tiles(facts: Architecture) -> bool:
    """Whether the kernel computes heads of this size."""
    return facts.head_dim % DIM_STEP == 0 and facts.head_dim <= MOST_DIM


def build_tile_decoder(checkpoint: Checkpoint, precision: Precision, max_context: int) -> ov.Model:
    """A paged graph, as `decoder.build_decoder` with the pass behind it makes one; `precision` names the library.

    Its caches are u8 [blocks, kv_heads, 32, head_dim + 4]: codes, and a scale for each token. The graph owns copies of
    the weights. Raises ModelInvalid with the field that cannot be computed, or the tensor that lacks.
    """
    facts = checkpoint.architecture
    check(facts)
    tensors = Tensors(checkpoint.weights)
    tokens = [parameter(name, [-1]) for name in TOKENS]
    sequences = [parameter(name, [-1], ov.Type.i32) for name in SEQUENCES]
    longest = parameter("max_context_len", [], ov.Type.i32)  # the pass has it, the kernel looks for itself
    words = Vocabulary(tensors.weight("embed", (facts.vocabulary, facts.hidden)), precision)
    caches: list[Node] = []

    def attend(x: Node, layer: Tensors, turn: Turns | None, index: int) -> Node:
        shape = [-1, facts.kv_heads, BLOCK_TOKENS, facts.head_dim + SCALE_BYTES]
        kept = [parameter(f"{part}_cache.{index}", shape, ov.Type.u8) for part in ("key", "value")]
        caches.extend(kept)
        return _attention(x, layer, facts, precision, turn, index, [*kept, *sequences])

    ids, positions = (op.unsqueeze(each, i64(1)) for each in tokens)
    x = hidden_states(ids, positions, words, tensors, facts, precision, max_context, attend)
    logits = logits_of(x, words, tensors, facts, precision)
    return ov.Model([named_result("logits", logits)], [*tokens, *sequences, longest, *caches], facts.family)


def _attention(
    x: Node,
    layer: Tensors,
    facts: Architecture,
    precision: Precision,
    turn: Turns | None,
    index: int,
    kept: list[Node],
) -> Node:
    """x [tokens, 1, hidden] -> the same shape; `kept` are both caches, and where each sequence has its blocks."""
    assert precision.library is not None
    rows = all_heads(x, layer, facts, precision)
    angles = [turn.half_cos, turn.half_sin] if turn else [f32([0.0])] * 2
    heads = TurnedHeads(
        query_heads=facts.heads,
        kv_heads=facts.kv_heads,
        dim=facts.head_dim,
        scale=score_scale(facts),
        cap=facts.attention_softcap,
        window=facts.windows[index] if facts.windows else 0,
        turned=turn.width if turn else 0,
        epsilon=facts.norm_eps,
        norm="none" if not facts.qk_norm else "joint" if facts.joint_qk_norm else "heads",
    )
    norms = map(f32, norm_weights(layer, facts)) if facts.qk_norm else ()
    mixed = operations.attention(precision.library, [rows, *angles, *kept, *norms], heads)
    return layer.project(mixed, ("o",), lengths(facts)[0], (facts.hidden,), precision)
