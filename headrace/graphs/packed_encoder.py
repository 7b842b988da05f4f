"""An encoder's graph for our own kernels: texts one behind another, none filled up to the length of others.

A text's bits are the same alone and in any company: each operation computes a token, or a text, by itself.
"""

from collections.abc import Sequence

import numpy as np
import openvino as ov
import openvino.opset15 as op
from numpy.typing import NDArray

from headrace.graphs.attention import score_scale
from headrace.graphs.encoder import answer, embedded, layers
from headrace.graphs.layer import Tensors
from headrace.graphs.linear import Node, Precision, coded
from headrace.graphs.nodes import f32, i64, named_result, parameter
from headrace.graphs.pooling import PACKED_POOLING, lengths_of, pooled_of_packed
from headrace.kernels import operations
from headrace.kernels.operations import EncoderHeads, Matrix
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
        mixed = operations.text_attention(precision.library, joined, begins, facts.heads, score_scale(facts), *seen)
        return layer.project(mixed, ("o",), width, (facts.hidden,), precision)

    if precision.weights == "tiles8x8":
        x = _whole_layers(x, begins, seen[0] if seen else lengths_of(begins), tensors, facts, precision)
    else:
        x = layers(x, attend, tensors, facts, precision)
    if not whole:
        return ov.Model([named_result("last_hidden_state", x)], [*tokens, begins, *seen], facts.family)
    found = answer(lambda ways: pooled_of_packed(x, begins, places, ways), tensors, facts, precision)
    return ov.Model([named_result(*found)], [*tokens, begins], facts.family)


def _whole_layers(
    x: Node, begins: Node, seen: Node, tensors: Tensors, facts: Architecture, precision: Precision
) -> Node:
    """x [tokens, hidden] through all layers, each of which is one operation."""
    assert precision.library is not None
    width, hidden, inner = facts.heads * facts.head_dim, facts.hidden, facts.intermediate
    about = EncoderHeads(facts.heads, facts.head_dim, inner, score_scale(facts), facts.norm_eps, facts.activation)
    for index in range(facts.num_layers):
        layer = tensors.layer(index)
        matrices = [
            _coded(layer, ("q", "k", "v"), hidden, width),
            _coded(layer, ("o",), width, hidden),
            _coded(layer, ("up",), hidden, inner),
            _coded(layer, ("down",), inner, hidden),
        ]
        norms = [
            (layer.vector(name, hidden), layer.vector(f"{name}_bias", hidden))
            for name in ("attention_norm", "ffn_norm")
        ]
        x = operations.encoder_layer(precision.library, [x, begins, seen], matrices, norms, about)
    return x


def _coded(layer: Tensors, names: Sequence[str], width: int, length: int) -> tuple[Matrix, NDArray[np.float32]]:
    """The named matrices [length, width], one under another, as codes of 8 bits, and their biases."""
    lengths = (length,) * len(names)
    biases = layer.biases(names, lengths)
    matrix = operations.matrix(*coded([layer.weight(name, (length, width)) for name in names]))
    return matrix, np.zeros(sum(lengths), np.float32) if biases is None else biases
