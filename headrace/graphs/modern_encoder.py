"""ModernBERT's graph (arXiv 2412.13663): token ids to one vector a text, or to a cross-encoder's logits.

It reads whole texts as `encoder.py` does, of layers like a decoder's: rotary positions, norms before each half, a gate.
"""

import openvino as ov
import openvino.opset15 as op

from headrace.graphs.feed_forward import feed_forward
from headrace.graphs.layer import Tensors
from headrace.graphs.linear import Node, Precision, Vocabulary, activate, sum_of
from headrace.graphs.nodes import i64, named_result, parameter
from headrace.graphs.norms import layer_norm
from headrace.graphs.pooling import pooled
from headrace.graphs.rope import Turns, turns
from headrace.graphs.sight import far_hidden, padding_hidden
from headrace.graphs.text_vector import text_vector
from headrace.graphs.whole_attention import whole_attention
from headrace.weights.checkpoint import Architecture, Checkpoint


def build_modern_encoder(checkpoint: Checkpoint, precision: Precision, max_tokens: int) -> ov.Model:
    """Inputs [batch, tokens] of i64: `input_ids`, `attention_mask` (1: a token, 0: padding behind); tokens are at most
    `max_tokens`.

    Its one output is that of `build_encoder`. Raises ModelInvalid with the tensor that cannot be used.
    """
    facts, tensors = checkpoint.architecture, Tensors(checkpoint.weights)
    ids, mask = (parameter(name, [-1, -1]) for name in ("input_ids", "attention_mask"))
    tokens = op.gather(op.shape_of(ids), i64(1), i64(0))
    positions = op.unsqueeze(op.range(i64(0), tokens, i64(1), "i64"), i64(0))
    words = Vocabulary(tensors.weight("embed", (facts.vocabulary, facts.hidden)), precision)
    x = _norm(words.rows(ids), tensors, "embed_norm", facts)
    turned, biases = _turns(positions, facts, max_tokens), _biases(mask, positions, facts, max_tokens)
    for index, window in enumerate(_windows(facts)):
        x = _layer(x, tensors.layer(index), facts, precision, turned[window], biases[window])
    x = _norm(x, tensors, "norm", facts)
    return ov.Model([_answer(x, mask, tensors, facts, precision)], [ids, mask], facts.family)


def _windows(facts: Architecture) -> tuple[int, ...]:
    return facts.windows or (0,) * facts.num_layers


def _turns(positions: Node, facts: Architecture, max_tokens: int) -> dict[int, Turns]:
    """By window: how layers that have it turn queries and keys."""
    ropes = {window: facts.local_rope if window else facts.rope for window in set(_windows(facts))}
    return {window: turns(rope, positions, max_tokens) for window, rope in ropes.items() if rope is not None}


def _biases(mask: Node, positions: Node, facts: Architecture, max_tokens: int) -> dict[int, Node]:
    """By window: who sees whom. One that holds every text hides nothing."""
    padding = padding_hidden(mask)
    return {
        window: op.add(padding, far_hidden(positions, window)) if 0 < window < max_tokens else padding
        for window in set(_windows(facts))
    }


def _layer(x: Node, layer: Tensors, facts: Architecture, precision: Precision, turn: Turns, bias: Node) -> Node:
    """Norm, attention, add; norm, feed-forward, add. What goes into the first layer is normalised already."""
    first = _norm(x, layer, "attention_norm", facts) if "attention_norm" in layer else x
    x = sum_of(x, whole_attention(first, layer, facts, precision, turn, bias), precision)
    return sum_of(x, feed_forward(_norm(x, layer, "ffn_norm", facts), layer, facts, precision), precision)


def _norm(x: Node, tensors: Tensors, name: str, facts: Architecture) -> Node:
    bias = tensors.vector(f"{name}_bias", facts.hidden) if f"{name}_bias" in tensors else None
    return layer_norm(x, tensors.vector(name, facts.hidden), bias, facts.norm_eps)


def _answer(x: Node, mask: Node, tensors: Tensors, facts: Architecture, precision: Precision) -> Node:
    if not facts.pooling:
        return named_result("last_hidden_state", x)
    if not facts.labels:
        return named_result("embedding", text_vector(pooled(x, mask, facts.pooling), tensors, facts, precision))
    one = pooled(x, mask, facts.pooling)
    pooler = tensors.project(one, ("pooler",), facts.hidden, (facts.hidden,), precision)
    normed = _norm(activate(pooler, facts.activation, precision), tensors, "pooler_norm", facts)
    return named_result("logits", tensors.project(normed, ("classifier",), facts.hidden, (facts.labels,), precision))
