"""Tensors that are missing, unknown or of the wrong shape."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from headrace.errors import ModelInvalid
from headrace.weights.ggml_types import KINDS
from headrace.weights.gguf_checkpoint import gguf_checkpoint
from headrace.weights.shapes import check_weights
from headrace.weights.stored import StoredWeight, stored
from tests.weights.models import write_gguf


def _zeros(*shape: int) -> StoredWeight:
    return stored(KINDS["F16"], shape, np.zeros(2 * int(np.prod(shape)), np.uint8), "w")


@pytest.mark.parametrize(
    ("family", "name", "weight", "match"),
    [
        ("llama", "norm", None, "norm: is missing"),
        ("llama", "layers.1.q", None, r"layers\.1\.q: is missing"),
        ("llama", "layers.1.q", _zeros(32, 16), r"layers\.1\.q: must have the shape \[32, 32\], has \[32, 16\]"),
        ("llama", "layers.1.q_norm", _zeros(8), "is no tensor of llama with 2 layers"),
        ("llama", "layers.2.q", _zeros(32, 32), "is no tensor of llama with 2 layers"),
        ("llama", "head", _zeros(40, 32), "head: is no tensor"),
        ("llama", "layers.0.attention_norm_bias", _zeros(32), "is no tensor"),
        ("llama", "layers.0.q_bias", _zeros(31), r"must have the shape \[32\]"),
        ("qwen3", "layers.0.k_norm", None, "is missing"),
        ("gemma2", "layers.0.post_ffn_norm", None, "is missing"),
        ("bert", "types", None, "types: is missing"),
        ("bert", "types", _zeros(2, 31), r"must have the shape \[2, 32\]"),
        ("bert", "embed_norm_bias", None, "embed_norm_bias: is missing"),
    ],
)
def test_a_tensor_that_is_missing_or_does_not_fit_is_refused(
    tmp_path: Path, family: str, name: str, weight: StoredWeight | None, match: str
) -> None:
    found = gguf_checkpoint(write_gguf(tmp_path / "m.gguf", family))
    weights = {key: value for key, value in found.weights.items() if key != name}
    with pytest.raises(ModelInvalid, match=match):
        check_weights(found.architecture, weights if weight is None else weights | {name: weight}, str)


def test_biases_of_projections_may_be_there(tmp_path: Path) -> None:
    found = gguf_checkpoint(write_gguf(tmp_path / "m.gguf", "llama"))
    check_weights(found.architecture, dict(found.weights) | {"layers.0.q_bias": _zeros(32)}, str)


def test_a_head_is_needed_where_it_is_not_tied(tmp_path: Path) -> None:
    found = gguf_checkpoint(write_gguf(tmp_path / "m.gguf", "llama"))
    with pytest.raises(ModelInvalid, match="head: is missing"):
        check_weights(msgspec.structs.replace(found.architecture, tied=False), found.weights, str)


def test_a_cross_encoder_needs_its_pooler(tmp_path: Path) -> None:
    found = gguf_checkpoint(write_gguf(tmp_path / "m.gguf", "bert"))
    with pytest.raises(ModelInvalid, match="pooler: is missing"):
        check_weights(msgspec.structs.replace(found.architecture, labels=1), found.weights, str)
