"""A text's vector goes through what stands behind the pooling, as the plain way has it."""

import math
from collections.abc import Callable, Mapping
from typing import Literal

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from headrace.graphs.layer import Tensors
from headrace.graphs.linear import Node, Precision
from headrace.graphs.pooling import pooled
from headrace.graphs.text_vector import text_vector
from headrace.weights.checkpoint import Architecture, Dense, Weight
from tests.graphs.run import run
from tests.graphs.tiny import HIDDEN, VARIANTS, architecture, draw

X = draw("x", (2, 5, HIDDEN), 1.0).values
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]])
FACTS = msgspec.structs.replace(architecture(VARIANTS["bert"]), pooling=("cls", "last"))
DENSE = {"dense.0": draw("first", (6, 2 * HIDDEN), 0.2), "dense.0_bias": draw("bias", (6,), 0.5)}
POOLED = np.concatenate([X[:, 0], X[[0, 1], [4, 1]]], axis=1)
BENT: dict[str, Callable[[NDArray[np.float32]], NDArray[np.float32]]] = {
    "tanh": np.tanh,
    "identity": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "gelu": lambda x: x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2,
}


def vector_of(x: Node, mask: Node, dense: Mapping[str, Weight], facts: Architecture) -> Node:
    return text_vector(pooled(x, mask, facts.pooling), Tensors(dense), facts, Precision())


@pytest.mark.parametrize("of_unit", [True, False])
@pytest.mark.parametrize("activation", BENT)
def test_it_is_multiplied_and_bent(activation: Literal["tanh", "identity", "relu", "gelu"], of_unit: bool) -> None:
    facts = msgspec.structs.replace(FACTS, dense=(Dense(6, activation, of_unit),))
    found = run(lambda x, mask: vector_of(x, mask, DENSE, facts), X, MASK)
    given = POOLED / np.linalg.norm(POOLED, axis=1, keepdims=True) if of_unit else POOLED
    expected = BENT[activation](given @ DENSE["dense.0"].values.T + DENSE["dense.0_bias"].values)
    assert np.abs(found - expected).max() < 1e-5


def test_a_vector_of_zeros_stays() -> None:
    facts = msgspec.structs.replace(FACTS, dense=(Dense(6, "identity", of_unit=True),))
    found = run(lambda x, mask: vector_of(x, mask, DENSE, facts), 0 * X, MASK)
    assert np.allclose(found, DENSE["dense.0_bias"].values)


def test_where_nothing_stands_behind_it_is_what_was_pooled() -> None:
    assert np.array_equal(run(lambda x, mask: vector_of(x, mask, {}, FACTS), X, MASK), POOLED)
