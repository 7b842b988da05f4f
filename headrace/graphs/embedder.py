"""The graph of a decoder that embeds: token ids to one vector a text, all its tokens in one run."""

import openvino as ov
import openvino.opset15 as op

from headrace.errors import ModelInvalid
from headrace.graphs.decoder import check, hidden_states
from headrace.graphs.layer import Tensors
from headrace.graphs.linear import Node, Precision, Vocabulary
from headrace.graphs.nodes import i64, named_result, parameter
from headrace.graphs.pooling import pooled
from headrace.graphs.rope import Turns
from headrace.graphs.sight import far_hidden, others_hidden, padding_hidden
from headrace.graphs.text_vector import text_vector
from headrace.graphs.whole_attention import whole_attention
from headrace.weights.checkpoint import Architecture, Checkpoint


def build_embedder(checkpoint: Checkpoint, precision: Precision, max_tokens: int) -> ov.Model:
    """Inputs [batch, tokens] of i64: `input_ids`, `attention_mask` (1: a token, 0: padding behind); tokens are at most
    `max_tokens`.

    Its one output is `embedding` [batch, width] in float32, pooled behind the last norm as the architecture says, its
    length not yet brought to 1. Raises ModelInvalid with the tensor or field that cannot be used.
    """
    facts, tensors = checkpoint.architecture, Tensors(checkpoint.weights)
    check(facts)
    if facts.attention_softcap:
        raise ModelInvalid(
            "attention with a soft cap on its scores is not computed for vectors of texts", "attention_softcap"
        )
    ids, mask = (parameter(name, [-1, -1]) for name in ("input_ids", "attention_mask"))
    tokens = op.gather(op.shape_of(ids), i64(1), i64(0))
    positions = op.unsqueeze(op.range(i64(0), tokens, i64(1), "i64"), i64(0))
    biases = _biases(mask, positions, facts, max_tokens)

    def attend(x: Node, layer: Tensors, turn: Turns | None, index: int) -> Node:
        return whole_attention(x, layer, facts, precision, turn, biases[index])

    words = Vocabulary(tensors.weight("embed", (facts.vocabulary, facts.hidden)), precision)
    x = hidden_states(ids, positions, words, tensors, facts, precision, max_tokens, attend)
    vector = text_vector(pooled(x, mask, facts.pooling), tensors, facts, precision)
    return ov.Model([named_result("embedding", vector)], [ids, mask], facts.family)


def _biases(mask: Node, positions: Node, facts: Architecture, max_tokens: int) -> list[Node]:
    """Of each layer: who sees whom. A window that holds every text is none; padding stands behind, where none looks but
    who sees all."""
    windows = [window if window < max_tokens else 0 for window in facts.windows or (0,) * facts.num_layers]
    if facts.sees_all:
        hidden = padding_hidden(mask)
        made = {each: op.add(hidden, far_hidden(positions, each)) if each else hidden for each in set(windows)}
    else:
        made = {each: others_hidden(positions, each) for each in set(windows)}
    return [made[window] for window in windows]
