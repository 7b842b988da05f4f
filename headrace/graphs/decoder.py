"""A decoder's graph: token ids to logits, for every family; what families differ in is said by the Architecture."""

from collections.abc import Callable

import openvino as ov
import openvino.opset15 as op

from headrace.errors import ModelInvalid
from headrace.graphs.attention import Sequences, attention
from headrace.graphs.capped_attention import GREATEST_CAP
from headrace.graphs.feed_forward import feed_forward
from headrace.graphs.layer import Tensors
from headrace.graphs.linear import Node, Precision, Vocabulary, sum_of
from headrace.graphs.nodes import f32, i64, named_result, parameter, soft_cap
from headrace.graphs.norms import rms_norm
from headrace.graphs.rope import Turns, turns
from headrace.weights.checkpoint import Architecture, Checkpoint

Attend = Callable[[Node, Tensors, Turns | None, int], Node]
"""The attention half of a layer: what goes in, the layer's tensors, its rotation and its number -> what comes out."""


def build_decoder(checkpoint: Checkpoint, precision: Precision, max_context: int) -> ov.Model:
    """A stateful graph, ready for the paged-attention pass; behind it `cap_attention` or else `set_windows` is due.

    Inputs `input_ids`, `position_ids`, `attention_mask` [batch, tokens] of i64 and `beam_idx` [batch] of i32; output
    `logits` [batch, tokens, vocabulary]. Positions stay below `max_context`. The graph owns copies of the weights.
    Raises ModelInvalid with the field that cannot be computed, or the tensor that lacks.
    """
    facts = checkpoint.architecture
    check(facts)
    tensors = Tensors(checkpoint.weights)
    ids, positions, mask = (parameter(name, [-1, -1]) for name in ("input_ids", "position_ids", "attention_mask"))
    beams = parameter("beam_idx", [-1], ov.Type.i32)
    sequences = Sequences(op.gather(op.shape_of(ids), i64([0]), i64(0)), beams)
    words = Vocabulary(tensors.weight("embed", (facts.vocabulary, facts.hidden)), precision)
    kept: list[Node] = []

    def attend(x: Node, layer: Tensors, turn: Turns | None, index: int) -> Node:
        mixed, nodes = attention(x, layer, facts, precision, turn, sequences, index)
        kept.extend(nodes)
        return mixed

    x = hidden_states(ids, positions, words, tensors, facts, precision, max_context, attend)
    logits = logits_of(x, words, tensors, facts, precision)
    return ov.Model([named_result("logits", logits)], kept, [ids, mask, positions, beams], facts.family)


def hidden_states(
    ids: Node,
    positions: Node,
    words: Vocabulary,
    tensors: Tensors,
    facts: Architecture,
    precision: Precision,
    max_context: int,
    attend: Attend,
) -> Node:
    """Of all tokens [batch, tokens, hidden], behind the last norm. Positions [batch, tokens] may be one row for all."""
    x = words.rows(ids)
    if facts.embed_scale != 1:
        x = op.multiply(x, f32(facts.embed_scale))
    for index, turn in enumerate(_turns(facts, positions, max_context)):
        x = _layer(x, tensors.layer(index), facts, precision, turn, index, attend)
    return rms_norm(x, tensors.vector("norm", facts.hidden), facts.norm_eps, precision.library)


def check(facts: Architecture) -> None:
    """Raises ModelInvalid with the field that a decoder's graph cannot be made for."""
    if facts.rope is None:
        raise ModelInvalid("a decoder's positions are rotary", "rope")
    if facts.heads % facts.kv_heads:
        raise ModelInvalid(f"{facts.heads} heads cannot share {facts.kv_heads} evenly", "kv_heads")
    if not 0 <= facts.attention_softcap <= GREATEST_CAP:
        raise ModelInvalid(f"must be 0 to {GREATEST_CAP:g}, is {facts.attention_softcap:g}", "attention_softcap")
    for where, rope in (("rope", facts.rope), ("local_rope", facts.local_rope)):
        if rope is not None and not 0 < 2 * len(rope.frequencies) <= facts.head_dim:
            raise ModelInvalid(
                f"{len(rope.frequencies)} frequencies turn heads of {facts.head_dim}", f"{where}.frequencies"
            )
    if facts.windows and len(facts.windows) != facts.num_layers:
        raise ModelInvalid(f"there are {len(facts.windows)} for {facts.num_layers} layers", "windows")


def _turns(facts: Architecture, positions: Node, max_context: int) -> list[Turns | None]:
    """Each layer's rotation: layers with a window have their own where the family says so, others have none."""
    assert facts.rope is not None
    everywhere = turns(facts.rope, positions, max_context)
    if facts.local_rope is None:
        return [None if layer in facts.unturned else everywhere for layer in range(facts.num_layers)]
    local = turns(facts.local_rope, positions, max_context)
    return [local if window else everywhere for window in facts.windows or (0,) * facts.num_layers]


def _layer(
    x: Node,
    layer: Tensors,
    facts: Architecture,
    precision: Precision,
    turn: Turns | None,
    index: int,
    attend: Attend,
) -> Node:
    """Norm, attention, add; norm, feed-forward, add; scaled, with norms behind too or behind alone, by the family."""

    def norm(x: Node, name: str) -> Node:
        return rms_norm(x, layer.vector(name, facts.hidden), facts.norm_eps, precision.library)

    def before(x: Node, name: str) -> Node:
        return norm(x, name) if facts.pre_norms else x

    def added(x: Node, more: Node) -> Node:
        scaled = more if facts.residual_scale == 1 else op.multiply(more, f32(facts.residual_scale))
        return sum_of(x, scaled, precision)

    mixed = attend(before(x, "attention_norm"), layer, turn, index)
    x = added(x, norm(mixed, "post_attention_norm") if facts.post_norms else mixed)
    ending = precision.ending(index, facts.num_layers)
    bent = feed_forward(before(x, "ffn_norm"), layer, facts, precision, ending)
    return added(x, norm(bent, "post_ffn_norm") if facts.post_norms else bent)


def logits_of(x: Node, words: Vocabulary, tensors: Tensors, facts: Architecture, precision: Precision) -> Node:
    """Of tokens behind the last norm, [..., hidden] -> [..., vocabulary]; by the matrix of `words` where it is tied."""
    if not facts.tied:
        words = Vocabulary(tensors.weight("head", (facts.vocabulary, facts.hidden)), precision)
    logits = words.logits(x)
    if "head_bias" in tensors:
        logits = op.add(logits, f32(tensors.vector("head_bias", facts.vocabulary)))
    if facts.logit_scale != 1:
        logits = op.multiply(logits, f32(facts.logit_scale))
    return soft_cap(logits, facts.logit_softcap)
