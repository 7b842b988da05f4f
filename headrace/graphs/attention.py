"""The attention half of a decoder's layer, written so that the paged-attention pass finds it.

Keys and values go through variables of the graph; the pass puts one paged-attention node, which reads blocks of a pool,
in the place of variables, repetition and scaled product. Which tokens may be seen (causal, and the window of
`windows.py`) is then that node's own; this graph has no mask, and before the pass it is not meant to be run.
"""

import math

import msgspec
import numpy as np
import openvino as ov
import openvino.opset15 as op
from numpy.typing import NDArray
from openvino import opset6

from headrace.graphs.even_keys import key_factors, of_heads
from headrace.graphs.layer import Tensors
from headrace.graphs.linear import Node, Precision
from headrace.graphs.nodes import f32, i64, split
from headrace.graphs.norms import rms_norm
from headrace.graphs.rope import Turns, rotate
from headrace.weights.checkpoint import Architecture


class Sequences(msgspec.Struct, frozen=True):
    """What all layers know of the sequences at hand."""

    batch: Node  # [1]: their number
    beams: Node  # [batch]: whose past each continues


def attention(
    x: Node,
    layer: Tensors,
    facts: Architecture,
    precision: Precision,
    turn: Turns | None,
    sequences: Sequences,
    index: int,
) -> tuple[Node, list[Node]]:
    """x [batch, tokens, hidden] -> the same shape, and the two nodes that keep its keys and values."""
    query, key, value = projected(x, layer, facts, precision, turn)
    key, keep_key = _cached(key, f"past_key_values.{index}.keypresent.{index}.key", facts, sequences)
    value, keep_value = _cached(value, f"past_key_values.{index}.valuepresent.{index}.value", facts, sequences)
    key, value = (repeated(part, facts, sequences.batch) for part in (key, value))
    mixed = op.scaled_dot_product_attention(query, key, value, f32(0.0), f32(score_scale(facts)), causal=True)
    return joined(mixed, layer, facts, precision), [keep_key, keep_value]


def projected(x: Node, layer: Tensors, facts: Architecture, precision: Precision, turn: Turns | None) -> list[Node]:
    """x [batch, tokens, hidden] -> queries [batch, heads, tokens, head_dim], keys and values [batch, kv_heads, ...]."""
    heads, kv_heads, dim = facts.heads, facts.kv_heads, facts.head_dim
    query, key, value = split(all_heads(x, layer, facts, precision), lengths(facts))
    if facts.qk_norm and facts.joint_qk_norm:
        query, key = _normed(query, key, layer, facts)
    query, key, value = _heads(query, heads, dim), _heads(key, kv_heads, dim), _heads(value, kv_heads, dim)
    if facts.qk_norm and not facts.joint_qk_norm:
        query, key = _normed(query, key, layer, facts)
    query, key, value = (op.transpose(part, i64([0, 2, 1, 3])) for part in (query, key, value))
    if turn is not None:
        query, key = rotate(query, turn, dim), rotate(key, turn, dim)
    return [query, key, value]


def all_heads(x: Node, layer: Tensors, facts: Architecture, precision: Precision) -> Node:
    """x [..., hidden] -> queries, keys and values of all heads, one behind the other: [..., sum of their lengths]."""
    rows, factors = None, None if facts.qk_norm else key_factors(layer, facts)
    if factors is not None:
        ones = np.ones(lengths(facts)[2], np.float32)
        rows = np.concatenate([of_heads(factors, facts.heads), 1 / of_heads(factors, facts.kv_heads), ones])
    return layer.project(x, ("q", "k", "v"), facts.hidden, lengths(facts), precision, rows)


def lengths(facts: Architecture) -> tuple[int, int, int]:
    """Of a token's queries, keys and values."""
    return facts.heads * facts.head_dim, facts.kv_heads * facts.head_dim, facts.kv_heads * facts.head_dim


def norm_weights(layer: Tensors, facts: Architecture) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Of the norms of queries and of keys: of each head, or where they are joint of all of a token's."""
    widths = lengths(facts)[:2] if facts.joint_qk_norm else (facts.head_dim, facts.head_dim)
    query, key = layer.vector("q_norm", widths[0]), layer.vector("k_norm", widths[1])
    factors = key_factors(layer, facts)
    if factors is None:
        return query, key
    return query * of_heads(factors, widths[0] // facts.head_dim), key / of_heads(factors, widths[1] // facts.head_dim)


def score_scale(facts: Architecture) -> float:
    """What a query's product with a key is multiplied by."""
    return facts.attention_scale or 1 / math.sqrt(facts.head_dim)


def _normed(query: Node, key: Node, layer: Tensors, facts: Architecture) -> tuple[Node, Node]:
    """Each along its last axis."""
    of_query, of_key = norm_weights(layer, facts)
    return rms_norm(query, of_query, facts.norm_eps), rms_norm(key, of_key, facts.norm_eps)


def joined(mixed: Node, layer: Tensors, facts: Architecture, precision: Precision) -> Node:
    """What the heads made of the values, [batch, heads, tokens, head_dim], as [batch, tokens, hidden]."""
    width = facts.heads * facts.head_dim
    flat = op.reshape(op.transpose(mixed, i64([0, 2, 1, 3])), i64([0, 0, width]), True)
    return layer.project(flat, ("o",), width, (facts.hidden,), precision)


def _heads(x: Node, heads: int, dim: int) -> Node:
    return op.reshape(x, i64([0, 0, heads, dim]), True)


def _cached(current: Node, name: str, facts: Architecture, sequences: Sequences) -> tuple[Node, Node]:
    """All keys (or values) so far, and what keeps them: the pass matches read, gather, concat, assign."""
    info = ov.op.util.VariableInfo()
    info.data_shape = ov.PartialShape([-1, facts.kv_heads, -1, facts.head_dim])
    info.data_type = ov.Type.f32
    info.variable_id = name
    variable = ov.op.util.Variable(info)
    nothing = op.broadcast(f32(0.0), op.concat([sequences.batch, i64([facts.kv_heads, 0, facts.head_dim])], 0))
    past = op.gather(opset6.read_value(nothing, variable), sequences.beams, i64(0))
    full = op.concat([past, current], 2)
    return full, opset6.assign(full, variable)


def repeated(x: Node, facts: Architecture, batch: Node) -> Node:
    """Each key head once for every query head of its group; the paged node does without and drops this."""
    groups = facts.heads // facts.kv_heads
    if groups == 1:
        return x
    tokens = op.gather(op.shape_of(x), i64([2]), i64(0))
    shape = op.concat([batch, i64([facts.kv_heads, groups]), tokens, i64([facts.head_dim])], 0)
    spread = op.broadcast(op.unsqueeze(x, i64(2)), shape, "BIDIRECTIONAL")
    return op.reshape(spread, i64([0, facts.heads, -1, facts.head_dim]), True)
