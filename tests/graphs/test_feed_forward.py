"""The feed-forward half, with a gate and without."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from headrace.graphs.feed_forward import feed_forward
from headrace.graphs.layer import Tensors
from headrace.graphs.linear import Precision, activate
from tests.graphs.run import run
from tests.graphs.tiny import HIDDEN, INNER, VARIANTS, architecture, draw, weights

X = draw("x", (2, 3, HIDDEN), 2).dense()


def silu(x: NDArray[np.float32]) -> NDArray[np.float32]:
    bent: NDArray[np.float32] = x / (1 + np.exp(-x))
    return bent


def gelu(x: NDArray[np.float32]) -> NDArray[np.float32]:
    bent: NDArray[np.float32] = x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2
    return bent


def test_with_a_gate_it_is_bent_and_multiplied() -> None:
    drawn = weights(VARIANTS["llama"])
    gate, up, down = (drawn[f"layers.0.{name}"].dense() for name in ("gate", "up", "down"))
    facts = architecture(VARIANTS["llama"])
    found = run(lambda x: feed_forward(x, Tensors(drawn).layer(0), facts, Precision()), X)
    assert np.allclose(found, (silu(X @ gate.T) * (X @ up.T)) @ down.T, atol=1e-3)


def test_without_a_gate_it_is_bent_alone() -> None:
    drawn = weights(VARIANTS["bert"])
    up, up_bias, down, down_bias = (drawn[f"layers.0.{n}"].dense() for n in ("up", "up_bias", "down", "down_bias"))
    assert up.shape == (INNER, HIDDEN)
    found = run(lambda x: feed_forward(x, Tensors(drawn).layer(0), architecture(VARIANTS["bert"]), Precision()), X)
    assert np.allclose(found, gelu(X @ up.T + up_bias) @ down.T + down_bias, atol=1e-3)


@pytest.mark.parametrize("activation", ["silu", "gelu", "gelu_tanh"])
def test_every_activation_is_what_its_name_says(activation: str) -> None:
    inner = math.sqrt(2 / math.pi) * (X + 0.044715 * X**3)
    wanted = {"silu": silu(X), "gelu": gelu(X), "gelu_tanh": X * (1 + np.tanh(inner)) / 2}[activation]
    found = run(lambda x: activate(x, activation, Precision()), X)  # type: ignore[arg-type]
    assert np.allclose(found, wanted, atol=1e-4)
