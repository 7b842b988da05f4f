"""Names, order and fusion of a GGUF file's tensors."""

from pathlib import Path

import numpy as np
import pytest

from headrace.errors import ModelInvalid
from headrace.weights.gguf_checkpoint import gguf_checkpoint
from headrace.weights.gguf_names import halves_order
from tests.weights.models import HEADS, INNER, KEYS, KV_HEADS, QUERIES, Arrays, gguf_tensors, write_gguf


def _arrays(family: str) -> Arrays:
    return {name: values for name, values in gguf_tensors(family).items() if isinstance(values, np.ndarray)}


def test_neighbours_of_a_head_become_its_halves() -> None:
    assert list(halves_order(8, 2)) == [0, 2, 1, 3, 4, 6, 5, 7]


@pytest.mark.parametrize(("name", "heads"), [("q", HEADS), ("k", KV_HEADS)])
def test_llama_s_interleaved_rows_are_put_back(tmp_path: Path, name: str, heads: int) -> None:
    file = _arrays("llama")[f"blk.0.attn_{name}.weight"]
    found = gguf_checkpoint(write_gguf(tmp_path / "m.gguf", "llama")).weights[f"layers.0.{name}"].dense()
    written = found.reshape(heads, 2, -1, file.shape[1]).swapaxes(1, 2).reshape(file.shape)  # llama.cpp's converter
    assert np.array_equal(written, file)


def test_other_families_keep_their_rows(tmp_path: Path) -> None:
    found = gguf_checkpoint(write_gguf(tmp_path / "m.gguf", "qwen2")).weights["layers.0.q"].dense()
    assert np.array_equal(found, _arrays("qwen2")["blk.0.attn_q.weight"])


def test_fused_tensors_are_cut(tmp_path: Path) -> None:
    weights = gguf_checkpoint(write_gguf(tmp_path / "m.gguf", "phi3")).weights
    arrays = _arrays("phi3")
    fused, both = arrays["blk.1.attn_qkv.weight"], arrays["blk.1.ffn_up.weight"]
    assert np.array_equal(weights["layers.1.q"].dense(), fused[:QUERIES])
    assert np.array_equal(weights["layers.1.k"].dense(), fused[QUERIES : QUERIES + KEYS])
    assert np.array_equal(weights["layers.1.v"].dense(), fused[QUERIES + KEYS :])
    assert np.array_equal(weights["layers.1.gate"].dense(), both[:INNER])
    assert np.array_equal(weights["layers.1.up"].dense(), both[INNER:])


def test_norms_of_gemma_are_ready_in_the_file(tmp_path: Path) -> None:
    weights = gguf_checkpoint(write_gguf(tmp_path / "m.gguf", "gemma2")).weights
    assert np.array_equal(weights["norm"].dense(), _arrays("gemma2")["output_norm.weight"])


@pytest.mark.parametrize(
    ("name", "shape", "match"),
    [
        ("blk.0.ffn_gate_exps.weight", (2, 2), r"tensors\[blk\.0\.ffn_gate_exps\.weight\]: is no tensor of llama"),
        ("blk.0.attn_qkv.weight", (3, 32), r"must have 64 rows, has 3"),
        ("blk.7.attn_norm.weight", (32,), r"tensors\[blk\.7\.attn_norm\.weight\]: is no tensor of llama with 2 layers"),
        ("blk.0.attn_q.weight", (6, 32), "6 rows, which are no pairs"),
        ("blk.00.attn_norm.weight", (32,), "is a second blk.0.attn_norm.weight"),
    ],
)
def test_a_tensor_that_does_not_belong_is_refused(
    tmp_path: Path, name: str, shape: tuple[int, ...], match: str
) -> None:
    tensors = gguf_tensors("llama") | {name: np.zeros(shape, np.float32)}
    with pytest.raises(ModelInvalid, match=match):
        gguf_checkpoint(write_gguf(tmp_path / "m.gguf", "llama", tensors))
