"""Attention through the paged pass is the definition of attention."""

import numpy as np
import openvino as ov
import openvino.opset15 as op
from numpy.typing import NDArray

from headrace.graphs.attention import Sequences, attention
from headrace.graphs.layer import Tensors
from headrace.graphs.linear import Precision
from headrace.graphs.nodes import i64, named_result, parameter
from headrace.graphs.rope import turns
from headrace.weights.checkpoint import Rope
from tests.graphs.paged import Paged
from tests.graphs.tiny import HEADS, HIDDEN, KV_HEADS, VARIANTS, VOCABULARY, architecture, draw, tokens, weights

TEXT = tokens(40)
TABLE = draw("table", (VOCABULARY, HIDDEN), 1).dense()


def layer_alone() -> ov.Model:
    """One layer's attention over rows of a table, without positions."""
    ids, positions, mask = (parameter(name, [-1, -1]) for name in ("input_ids", "position_ids", "attention_mask"))
    beams = parameter("beam_idx", [-1], ov.Type.i32)
    sequences = Sequences(op.gather(op.shape_of(ids), i64([0]), i64(0)), beams)
    x = op.gather(op.constant(TABLE), ids, i64(0))
    layer = Tensors(weights(VARIANTS["llama"])).layer(0)
    still = turns(Rope((0.0,) * 8), positions, 64)
    mixed, kept = attention(x, layer, architecture(VARIANTS["llama"]), Precision(), still, sequences, 0)
    return ov.Model([named_result("mixed", mixed)], kept, [ids, positions, mask, beams], "attention")


def slowly(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """The definition, a head at a time."""
    drawn = weights(VARIANTS["llama"])
    q, k, v, o = (drawn[f"layers.0.{name}"].dense() for name in "qkvo")
    dim = q.shape[0] // HEADS
    outputs = []
    for head in range(HEADS):
        group = head // (HEADS // KV_HEADS)
        query, key, value = (x @ w[i * dim : (i + 1) * dim].T for w, i in ((q, head), (k, group), (v, group)))
        scores = query @ key.T / np.sqrt(dim)
        scores[np.triu_indices(len(x), 1)] = -np.inf
        shares = np.exp(scores - scores.max(1, keepdims=True))
        outputs.append(shares / shares.sum(1, keepdims=True) @ value)
    mixed: NDArray[np.float32] = np.concatenate(outputs, 1) @ o.T
    return mixed


def test_paged_attention_over_grouped_heads_is_the_definition() -> None:
    found = Paged(layer_alone()).read(TEXT, [30, 9, 1], [2, 1])
    assert np.abs(found - slowly(TABLE[TEXT])).max() < 1e-3
