"""An encoder's graph for our own kernels: texts one behind another, none filled up to the length of others.

A text's bits are the same alone and in any company: each operation computes a token, or a text, by itself.
"""

import openvino as ov
import openvino.opset15 as op

from headrace.graphs.attention import score_scale
from headrace.graphs.encoder import answer, embedded, layers
from headrace.graphs.layer import Tensors
from headrace.graphs.linear import Node, Precision
from headrace.graphs.nodes import f32, i64, named_result, parameter
from headrace.graphs.pooling import PACKED_POOLING, pooled_of_packed
from headrace.kernels import operations
from headrace.weights.checkpoint import Architecture, Checkpoint


def packs(facts: Architecture, precision: Precision) -> bool:
    """Whether there is such a graph of this architecture."""
    fits = facts.labels or PACKED_POOLING.issuperset(facts.pooling)
    return precision.library is not None and bool(fits) and not facts.distances and facts.rope is None


def build_packed_encoder(checkpoint: Checkpoint, precision: Precision) -> ov.Model:
    """Inputs of i64 [tokens]: `input_ids`, `position_ids` and, where the architecture has types, `token_type_ids`; and
    `begins` [texts + 1] of i32, where texts begin and the last one ends. Where the architecture neither pools nor
    scores, also `seen` [texts] of i32: every token sees so many of its text, the first ones.

    Its one output is that of `build_encoder`, or `last_hidden_state` [tokens, hidden]. Raises ModelInvalid with the
    tensor that cannot be used.
    """
    facts, tensors = checkpoint.architecture, Tensors(checkpoint.weights)
    names = ("input_ids", "position_ids", "token_type_ids")[: 3 if facts.types else 2]
    ids, places, *types = tokens = [parameter(name, [-1]) for name in names]
    begins = parameter("begins", [-1], ov.Type.i32)
    whole = bool(facts.labels or facts.pooling)
    seen = [] if whole else [parameter("seen", [-1], ov.Type.i32)]
    table = tensors.weight("positions", (facts.max_context, facts.hidden)).dense()
    x = embedded(ids, op.gather(f32(table), places, i64(0)), types, tensors, facts, precision)

    def attend(x: Node, layer: Tensors) -> Node:
        width = facts.heads * facts.head_dim
        joined = layer.project(x, ("q", "k", "v"), facts.hidden, (width,) * 3, precision)
        assert precision.library is not None
        narrow = precision.weights == "tiles8x8"
        of_which = seen[0] if seen else None
        mixed = operations.text_attention(
            precision.library, joined, begins, facts.heads, score_scale(facts), of_which, narrow
        )
        return layer.project(mixed, ("o",), width, (facts.hidden,), precision)

    x = layers(x, attend, tensors, facts, precision)
    if not whole:
        return ov.Model([named_result("last_hidden_state", x)], [*tokens, begins, *seen], facts.family)
    found = answer(lambda ways: pooled_of_packed(x, begins, places, ways), tensors, facts, precision)
    return ov.Model([named_result(*found)], [*tokens, begins], facts.family)
