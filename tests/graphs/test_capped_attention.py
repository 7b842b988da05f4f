"""Attention with a soft cap is its definition, in any chunks and blocks."""

import numpy as np
import openvino as ov
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from openvino._offline_transformations import paged_attention_transformation

from headrace.graphs.capped_attention import BLOCK_SIZE, CappedAttention, attend, cap_attention, write
from headrace.graphs.decoder import build_decoder
from headrace.graphs.linear import Precision
from headrace.kernels.operations import Heads
from tests.graphs.paged import F32, Paged
from tests.graphs.tiny import CONTEXT, golden, golden_checkpoint, tokens

Floats = NDArray[np.float32]


def slowly(query: Floats, key: Floats, value: Floats, heads: Heads) -> Floats:
    """The definition over one whole sequence, a head and a token at a time."""
    count, share = len(query), heads.query_heads // heads.kv_heads
    mixed = np.empty((count, heads.query_heads, heads.dim), np.float32)
    for head in range(heads.query_heads):
        queries = query.reshape(count, heads.query_heads, heads.dim)[:, head]
        keys, values = (x.reshape(count, heads.kv_heads, heads.dim)[:, head // share] for x in (key, value))
        for at in range(count):
            seen = slice(max(0, at + 1 - heads.window) if heads.window else 0, at + 1)
            scores = heads.cap * np.tanh(keys[seen] @ queries[at] * heads.scale / heads.cap)
            shares = np.exp(scores)
            mixed[at, head] = shares @ values[seen] / shares.sum()
    return mixed.reshape(count, -1)


@given(
    chunks=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    window=st.integers(0, 50),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_text_in_any_chunks_and_blocks_is_the_definition(chunks: list[int], window: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    heads = Heads(query_heads=4, kv_heads=2, dim=6, scale=0.7, cap=1.5, window=window)
    total = sum(chunks)
    query = random.normal(size=(total, 24)).astype(np.float32)
    key, value = random.normal(size=(2, total, 12)).astype(np.float32)
    caches = np.full((2, 9, 2, BLOCK_SIZE, 6), np.nan, np.float32)  # unused slots must not matter
    table = random.permutation(np.arange(1, 9))[: -(-total // BLOCK_SIZE)].astype(np.int32)
    found, cached = [], 0
    for count in chunks:
        rows = slice(cached, cached + count)
        write(caches[0], key[rows], table, cached)
        write(caches[1], value[rows], table, cached)
        found.append(attend(query[rows], caches[0], caches[1], table, cached, heads))
        cached += count
    assert np.abs(np.concatenate(found) - slowly(query, key, value, heads)).max() < 1e-4


def test_a_compiled_graph_is_imported_again_with_its_cap() -> None:
    given = golden_checkpoint("gemma2")
    paged = Paged(build_decoder(given, Precision(), CONTEXT), given.architecture)
    exported = paged.request.get_compiled_model().export_model()
    core = ov.Core()
    core.add_extension(CappedAttention)
    again = Paged.over(core.import_model(exported, "CPU", F32))
    assert np.abs(again.read(tokens(64), [40, 24], [2, 1]) - golden("gemma2").logits).max() < 1e-3


def test_caches_of_a_capped_graph_are_float32_in_blocks() -> None:
    given = golden_checkpoint("gemma2")
    model = build_decoder(given, Precision(), CONTEXT)
    paged_attention_transformation(model)
    cap_attention(model, given.architecture)
    ports = [port for port in model.inputs if "cache" in port.any_name]
    assert len(ports) == 6
    assert {port.partial_shape.to_string() for port in ports} == {"[?,2,32,16]"}
    assert {port.element_type for port in ports} == {ov.Type.f32}
