"""Norms are what their papers say."""

import numpy as np

from headrace.graphs.norms import layer_norm, rms_norm
from tests.graphs.run import run

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(2, 3, 16)).astype(np.float32)
WEIGHT, BIAS = RANDOM.normal(size=(2, 16)).astype(np.float32)


def test_rms_norm_divides_by_the_root_mean_square() -> None:
    wanted = X / np.sqrt((X**2).mean(-1, keepdims=True) + 0.1) * WEIGHT
    assert np.allclose(run(lambda x: rms_norm(x, WEIGHT, 0.1), X), wanted, atol=1e-5)


def test_layer_norm_takes_the_mean_away_first() -> None:
    wanted = (X - X.mean(-1, keepdims=True)) / np.sqrt(X.var(-1, keepdims=True) + 0.1) * WEIGHT + BIAS
    assert np.allclose(run(lambda x: layer_norm(x, WEIGHT, BIAS, 0.1), X), wanted, atol=1e-5)


def test_a_layer_norm_may_have_no_bias() -> None:
    bare = run(lambda x: layer_norm(x, WEIGHT, None, 0.1), X)
    assert np.allclose(bare, run(lambda x: layer_norm(x, WEIGHT, 0 * BIAS, 0.1), X), atol=1e-6)
