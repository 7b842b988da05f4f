"""The encoder as written here computes what its layers say, by a plain forward pass in numpy."""

from math import erf
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from headrace.runtimes.onnx import Onnx
from tests.models import onnx_models as models
from tests.runtimes.manifests import manifest
from tools.minilm_onnx import minilm

LAYERS, HEADS, HIDDEN, INNER, WORDS, POSITIONS = 2, 4, 16, 32, 50, 12

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Weights = dict[str, NDArray[np.float32]]


@pytest.fixture(scope="module")
def weights() -> Weights:
    """Random weights under the names of the package's file."""
    generator = np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (WORDS, HIDDEN),
        "embeddings.token_type_embeddings.weight": (2, HIDDEN),
        "embeddings.position_embeddings.weight": (POSITIONS, HIDDEN),
    }
    norms = ["embeddings.LayerNorm"]
    linear: dict[str, tuple[int, int]] = {}
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}"
        linear |= {f"{at}.attention.self.{part}": (HIDDEN, HIDDEN) for part in ("query", "key", "value")}
        linear[f"{at}.attention.output.dense"] = (HIDDEN, HIDDEN)
        linear[f"{at}.intermediate.dense"] = (INNER, HIDDEN)
        linear[f"{at}.output.dense"] = (HIDDEN, INNER)
        norms += [f"{at}.attention.output.LayerNorm", f"{at}.output.LayerNorm"]
    for name, shape in linear.items():
        shapes |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    for name in norms:
        shapes |= {f"{name}.weight": (HIDDEN,), f"{name}.bias": (HIDDEN,)}
    return {name: generator.standard_normal(shape).astype(np.float32) * 0.3 for name, shape in shapes.items()}


def forward(w: Weights, ids: Whole, mask: Whole, kinds: Whole) -> Floats:
    """The encoder, one sentence at a time and one head at a time."""
    return np.stack([sentence(w, *one) for one in zip(ids, mask, kinds, strict=True)])


def sentence(w: Weights, ids: Whole, mask: Whole, kinds: Whole) -> Floats:
    def linear(name: str, x: Floats) -> Floats:
        return x @ w[f"{name}.weight"].T.astype(np.float64) + w[f"{name}.bias"]

    def norm(name: str, x: NDArray[np.floating]) -> Floats:
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
        result: Floats = scaled * w[f"{name}.weight"] + w[f"{name}.bias"]
        return result

    words, types = w["embeddings.word_embeddings.weight"][ids], w["embeddings.token_type_embeddings.weight"][kinds]
    x = norm("embeddings.LayerNorm", words + types + w["embeddings.position_embeddings.weight"][: len(ids)])
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}"
        q, k, v = (linear(f"{at}.attention.self.{part}", x) for part in ("query", "key", "value"))
        heads = []
        for head in np.split(np.arange(HIDDEN), HEADS):
            scores = q[:, head] @ k[:, head].T / np.sqrt(len(head))
            scores[:, mask == 0] = -np.inf
            share = np.exp(scores - scores.max(-1, keepdims=True))
            heads.append(share / share.sum(-1, keepdims=True) @ v[:, head])
        x = norm(f"{at}.attention.output.LayerNorm", x + linear(f"{at}.attention.output.dense", np.hstack(heads)))
        inner = linear(f"{at}.intermediate.dense", x)
        inner = inner * 0.5 * (1 + np.vectorize(erf)(inner / np.sqrt(2)))
        x = norm(f"{at}.output.LayerNorm", x + linear(f"{at}.output.dense", inner))
    return x


def test_the_graph_computes_the_encoder(weights: Weights, tmp_path: Path) -> None:
    path = models.save(minilm(weights, LAYERS, HEADS, HIDDEN), tmp_path)
    generator = np.random.default_rng(1)
    ids, kinds = generator.integers(0, WORDS, (3, 9)), generator.integers(0, 2, (3, 9))
    mask = np.ones((3, 9), np.int64)
    mask[1, 5:] = 0
    given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": kinds}
    found = Onnx().load(manifest(path), threads=1).run(given, ())["last_hidden_state"]
    assert found.dtype == np.float32
    assert np.abs(found.astype(np.float64) - forward(weights, ids, mask, kinds)).max() < 1e-4


def test_what_is_masked_has_no_influence(weights: Weights, tmp_path: Path) -> None:
    model = Onnx().load(manifest(models.save(minilm(weights, LAYERS, HEADS, HIDDEN), tmp_path)), threads=1)
    ids, zeros = np.arange(6)[np.newaxis], np.zeros((1, 6), np.int64)
    mask = np.array([[1, 1, 1, 1, 0, 0]])
    other = np.where(mask == 1, ids, 33)
    first, second = (
        model.run({"input_ids": each, "attention_mask": mask, "token_type_ids": zeros}, ())["last_hidden_state"]
        for each in (ids, other)
    )
    assert np.abs(first[:, :4].astype(np.float64) - second[:, :4].astype(np.float64)).max() < 1e-6
