"""Paged attention with a soft cap on its scores (Gemma 2, arXiv 2408.00118), which the plug-in's own node lacks.

It is an operation computed here, in numpy, in float32: exact, and slower than the plug-in's. A graph with it is
exported like any other; to import one, a Core needs `add_extension(CappedAttention)`.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import openvino as ov
from numpy.typing import NDArray

from headrace.graphs.linear import Node
from headrace.graphs.windows import KEY_CACHE, paged_layers
from headrace.kernels.operations import Heads
from headrace.weights.checkpoint import Architecture

BLOCK_SIZE = 32
"""Tokens, as the plug-in's own caches have them on a CPU."""

GREATEST_CAP = 64.0
"""Up to here the exponential of a score, and the sum of many, is a float32."""

Floats = NDArray[np.float32]


UNREAD = Heads(0, 0, 0, 0.0, 0.0, 0)
"""Of a node that an exported graph is being read into."""


def cap_attention(model: ov.Model, facts: Architecture) -> None:
    """After the paged-attention pass: put a capped node in the place of every paged one. Changes `model`.

    Its caches are float32 [blocks, kv_heads, BLOCK_SIZE, head_dim], whatever precision of caches is asked for.
    Windows are in it too.
    """
    scale = facts.attention_scale or facts.head_dim**-0.5
    for index, node in paged_layers(model).items():
        window = facts.windows[index] if facts.windows else 0
        heads = Heads(facts.heads, facts.kv_heads, facts.head_dim, scale, facts.attention_softcap, window)
        inputs = [node.input_value(i) for i in range(9)]
        for cache in inputs[KEY_CACHE : KEY_CACHE + 2]:
            cache.get_node().set_element_type(ov.Type.f32)
            cache.get_node().set_partial_shape(ov.PartialShape([-1, facts.kv_heads, BLOCK_SIZE, facts.head_dim]))
        capped = CappedAttention(inputs, heads)
        for target in node.output(0).get_target_inputs():
            target.replace_source_output(capped.output(0))
    model.validate_nodes_and_infer_types()


class CappedAttention(ov.Op):  # type: ignore[misc]
    """Inputs: query, key and value [tokens, heads * dim], both caches, past_lens, begins, blocks, block_begins."""

    def __init__(self, inputs: Sequence[Node] | None = None, heads: Heads = UNREAD) -> None:
        super().__init__(self, inputs)
        self._heads: dict[str, float] = msgspec.structs.asdict(heads)
        if inputs is not None:
            self.constructor_validate_and_infer_types()

    def validate_and_infer_types(self) -> None:
        self.set_output_type(0, self.get_input_element_type(0), self.get_input_partial_shape(0))

    def clone_with_new_inputs(self, inputs: Sequence[Node]) -> "CappedAttention":
        return CappedAttention(inputs, msgspec.convert(self._heads, Heads))

    def visit_attributes(self, visitor: Any) -> bool:
        visitor.on_attributes(self._heads)
        return True

    def has_evaluate(self) -> bool:
        return True

    def evaluate(self, outputs: Sequence[ov.Tensor], inputs: Sequence[ov.Tensor]) -> bool:
        heads = msgspec.convert(self._heads, Heads)
        query, key, value, key_cache, value_cache, past, begins, blocks, block_begins = (x.data for x in inputs)
        outputs[0].shape = inputs[0].shape
        mixed = outputs[0].data
        for i, cached in enumerate(past):
            rows = slice(begins[i], begins[i + 1])
            if begins[i] < begins[i + 1]:
                table = blocks[block_begins[i] : block_begins[i + 1]]
                write(key_cache, key[rows], table, int(cached))
                write(value_cache, value[rows], table, int(cached))
                mixed[rows] = attend(query[rows], key_cache, value_cache, table, int(cached), heads)
        return True


def write(cache: Floats, new: Floats, table: NDArray[np.int32], cached: int) -> None:
    """Put rows of new keys or values [tokens, kv_heads * dim] behind the `cached` ones of their sequence."""
    at = np.arange(cached, cached + len(new))
    cache[table[at // BLOCK_SIZE], :, at % BLOCK_SIZE] = new.reshape(len(new), cache.shape[1], cache.shape[3])


def attend(
    query: Floats, key_cache: Floats, value_cache: Floats, table: NDArray[np.int32], cached: int, heads: Heads
) -> Floats:
    """query [tokens, query_heads * dim], behind `cached` tokens of the sequence -> the mixed values, the same shape."""
    count, total = len(query), cached + len(query)
    first = max(0, cached + 1 - heads.window) // BLOCK_SIZE if heads.window else 0
    seen = table[first : -(-total // BLOCK_SIZE)]
    columns = np.arange(first * BLOCK_SIZE, (first + len(seen)) * BLOCK_SIZE).reshape(-1, 1, BLOCK_SIZE)
    ages = np.arange(cached, total)[:, None] - columns  # [blocks, tokens, slots]: how far back a slot's token lies
    hidden = (ages < 0) | (ages >= heads.window) if heads.window else ages < 0
    by_group = query.reshape(count, heads.kv_heads, -1, heads.dim)
    mixed = np.empty_like(by_group)
    for head in range(heads.kv_heads):  # one at a time bounds the memory of the scores
        keys, values = (
            [cache[block, head, : total - start] for block, start in zip(seen, columns[:, 0, 0], strict=True)]
            for cache in (key_cache, value_cache)
        )
        mixed[:, head] = _mixed(by_group[:, head], keys, values, hidden, heads)
    return mixed.reshape(query.shape)


def _mixed(
    query: Floats, keys: Sequence[Floats], values: Sequence[Floats], hidden: NDArray[np.bool_], heads: Heads
) -> Floats:
    """query [tokens, group, dim] over blocks of one head's keys and values, where they lie: copies would cost more."""
    count, group, dim = query.shape
    rows = np.ascontiguousarray(query.swapaxes(0, 1)).reshape(-1, dim)
    scores = np.zeros((len(keys), len(rows), BLOCK_SIZE), np.float32)
    for key, part in zip(keys, scores, strict=True):
        np.matmul(rows, key.T, out=part[:, : len(key)])  # the last block may be partly filled
    scores *= heads.scale / heads.cap
    np.tanh(scores, out=scores)
    scores *= heads.cap
    np.copyto(scores.reshape(len(keys), group, count, BLOCK_SIZE), -np.inf, where=hidden[:, None])
    np.exp(scores, out=scores)  # at most exp(GREATEST_CAP), so the greatest need not be taken away first
    mixed = np.zeros_like(rows)
    for value, part in zip(values, scores, strict=True):
        mixed += part[:, : len(value)] @ value
    mixed /= scores.sum(axis=(0, 2))[:, None]
    return mixed.reshape(group, count, dim).swapaxes(0, 1)
