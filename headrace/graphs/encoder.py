"""An encoder's graph, BERT and its kin: token ids to one vector a text, or to a cross-encoder's logits."""

from collections.abc import Callable, Sequence

import openvino as ov
import openvino.opset15 as op

from headrace.errors import ModelInvalid
from headrace.graphs.attention import score_scale
from headrace.graphs.distances import by_distance
from headrace.graphs.feed_forward import feed_forward
from headrace.graphs.layer import Tensors
from headrace.graphs.linear import Node, Precision, Vocabulary, sum_of
from headrace.graphs.nodes import f32, i64, named_result, parameter, split
from headrace.graphs.norms import layer_norm
from headrace.graphs.pooling import pooled
from headrace.graphs.sight import padding_hidden
from headrace.graphs.text_vector import text_vector
from headrace.weights.checkpoint import Architecture, Checkpoint, Pooling


def build_encoder(checkpoint: Checkpoint, precision: Precision) -> ov.Model:
    """Inputs [batch, tokens] of i64: `input_ids`, `attention_mask` (1: a token, 0: padding behind), `token_type_ids`
    (which there is where the architecture has types).

    Its one output is, in float32: `logits` [batch, labels] of a cross-encoder; `embedding` [batch, width] where the
    architecture says how tokens are pooled, its length not yet brought to 1; else `last_hidden_state`
    [batch, tokens, hidden]. Raises ModelInvalid with the tensor or field that cannot be used.
    """
    facts, tensors = checkpoint.architecture, Tensors(checkpoint.weights)
    if facts.rope is not None:
        raise ModelInvalid("an encoder's positions are learned", "rope")
    names = ("input_ids", "attention_mask", "token_type_ids")[: 3 if facts.types else 2]
    ids, mask, *types = inputs = [parameter(name, [-1, -1]) for name in names]
    tokens = op.gather(op.shape_of(ids), i64([1]), i64(0))
    bias = padding_hidden(mask)
    if facts.distances:
        table = tensors.weight("distances", (facts.distances, facts.heads)).dense()
        bias = op.add(bias, by_distance(table, tokens, facts.max_context))
    places = tensors.weight("positions", (facts.max_context, facts.hidden)).dense()
    at = op.slice(f32(places), i64([0]), tokens, i64([1]), i64([0]))
    x = embedded(ids, at, types, tensors, facts, precision)
    x = layers(x, lambda x, layer: _attention(x, bias, layer, facts, precision), tensors, facts, precision)
    if not (facts.labels or facts.pooling):
        return ov.Model([named_result("last_hidden_state", x)], inputs, facts.family)
    found = answer(lambda ways: pooled(x, mask, ways), tensors, facts, precision)
    return ov.Model([named_result(*found)], inputs, facts.family)


def embedded(
    ids: Node, at: Node, types: Sequence[Node], tensors: Tensors, facts: Architecture, precision: Precision
) -> Node:
    """What each token is, plus `at`, what its place adds, plus of which text of a pair it is: [..., hidden], normed."""
    x = op.add(Vocabulary(tensors.weight("embed", (facts.vocabulary, facts.hidden)), precision).rows(ids), at)
    for marks in types:
        x = op.add(x, op.gather(f32(tensors.table("types", facts.hidden)), marks, i64(0)))
    return _norm(x, tensors, "embed_norm", facts, precision)


def layers(
    x: Node, attend: Callable[[Node, Tensors], Node], tensors: Tensors, facts: Architecture, precision: Precision
) -> Node:
    """x [..., hidden] through all layers, of which `attend` computes the attention half."""
    for index in range(facts.num_layers):
        layer = tensors.layer(index)
        x = _norm(sum_of(x, attend(x, layer), precision), layer, "attention_norm", facts, precision)
        x = _norm(sum_of(x, feed_forward(x, layer, facts, precision), precision), layer, "ffn_norm", facts, precision)
    return x


def _norm(x: Node, tensors: Tensors, name: str, facts: Architecture, precision: Precision) -> Node:
    weight, bias = tensors.vector(name, facts.hidden), tensors.vector(f"{name}_bias", facts.hidden)
    return layer_norm(x, weight, bias, facts.norm_eps, precision.library)


def _attention(x: Node, bias: Node, layer: Tensors, facts: Architecture, precision: Precision) -> Node:
    """Every token sees every token that is not padding. x [batch, tokens, hidden] -> the same shape."""
    heads, dim = facts.heads, facts.head_dim
    width = heads * dim
    joined = layer.project(x, ("q", "k", "v"), facts.hidden, (width,) * 3, precision)
    query, key, value = (
        op.transpose(op.reshape(part, i64([0, 0, heads, dim]), True), i64([0, 2, 1, 3]))
        for part in split(joined, (width,) * 3)
    )
    mixed = op.scaled_dot_product_attention(query, key, value, bias, f32(score_scale(facts)), causal=False)
    flat = op.reshape(op.transpose(mixed, i64([0, 2, 1, 3])), i64([0, 0, width]), True)
    return layer.project(flat, ("o",), width, (facts.hidden,), precision)


def answer(
    pool: Callable[[Sequence[Pooling]], Node], tensors: Tensors, facts: Architecture, precision: Precision
) -> tuple[str, Node]:
    """The output's name, and what a cross-encoder or a model that pools gives of what `pool` makes of its tokens."""
    if not facts.labels:
        return "embedding", text_vector(pool(facts.pooling), tensors, facts, precision)
    first = pool(("cls",))
    if "pooler" in tensors:
        first = tensors.project(first, ("pooler",), facts.hidden, (facts.hidden,), precision)
        first = op.relu(first) if facts.pooler_bend == "relu" else op.tanh(first)
    return "logits", tensors.project(first, ("classifier",), facts.hidden, (facts.labels,), precision)
