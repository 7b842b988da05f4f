"""Tensors are taken by short names, and refused by full ones."""

import numpy as np
import pytest

from headrace.errors import ModelInvalid
from headrace.graphs.layer import Tensors
from headrace.graphs.linear import Precision
from tests.graphs.run import run
from tests.graphs.tiny import draw

WEIGHTS = {
    "norm": draw("norm", (8,), 1),
    "layers.1.q": draw("q", (4, 8), 1),
    "layers.1.k": draw("k", (2, 8), 1),
    "layers.1.k_bias": draw("k_bias", (2,), 1),
}
TENSORS = Tensors(WEIGHTS)


def test_a_layers_tensors_go_by_short_names() -> None:
    assert "q" in TENSORS.layer(1)
    assert "q" not in TENSORS.layer(0)
    assert TENSORS.layer(1).weight("q", (4, 8)) is WEIGHTS["layers.1.q"]


def test_a_tensor_of_another_shape_is_refused_with_both_shapes() -> None:
    with pytest.raises(ModelInvalid, match=r"layers.1.q: its shape is \[4, 8\], the architecture needs \[8, 8\]"):
        TENSORS.layer(1).weight("q", (8, 8))


def test_a_tensor_that_is_not_there_is_named() -> None:
    with pytest.raises(ModelInvalid, match=r"layers.0.q: .*no such tensor"):
        TENSORS.layer(0).weight("q", (8, 8))
    with pytest.raises(ModelInvalid, match=r"types: .*no such tensor"):
        TENSORS.table("types", 8)


def test_a_table_may_have_any_number_of_rows() -> None:
    assert TENSORS.layer(1).table("k", 8).shape == (2, 8)


def test_matrices_lie_under_one_another_and_only_some_need_a_bias() -> None:
    x = draw("x", (3, 8), 1).dense()
    found = run(lambda node: TENSORS.layer(1).project(node, ("q", "k"), 8, (4, 2), Precision()), x)
    query, key, bias = (WEIGHTS[f"layers.1.{name}"].dense() for name in ("q", "k", "k_bias"))
    assert np.allclose(found, np.concatenate([x @ query.T, x @ key.T + bias], 1), atol=1e-5)
