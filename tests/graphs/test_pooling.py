"""A text's vector is of its own tokens."""

import numpy as np
import pytest
from numpy.typing import NDArray

from headrace.graphs.pooling import pooled
from tests.graphs.run import run

X = np.arange(24, dtype=np.float32).reshape(2, 4, 3)
MASK = np.array([[1, 1, 1, 1], [1, 1, 0, 0]])


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [("cls", [X[0, 0], X[1, 0]]), ("last", [X[0, 3], X[1, 1]]), ("mean", [X[0].mean(0), X[1, :2].mean(0)])],
)
def test_padding_is_left_out(pooling: str, expected: list[NDArray[np.float32]]) -> None:
    assert np.allclose(run(lambda x, mask: pooled(x, mask, pooling), X, MASK), np.stack(expected))
