"""A text's vector is of its own tokens."""

import numpy as np
import pytest
from numpy.typing import NDArray

from headrace.graphs.pooling import PACKED_POOLING, pooled, pooled_of_packed
from headrace.weights.checkpoint import Pooling
from tests.graphs.run import run

X = np.arange(24, dtype=np.float32).reshape(2, 4, 3)
MASK = np.array([[1, 1, 1, 1], [1, 1, 0, 0]])
PACKED = X[MASK == 1], np.array([0, 4, 6], np.int32), np.array([0, 1, 2, 3, 0, 1])


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        ("cls", [X[0, 0], X[1, 0]]),
        ("last", [X[0, 3], X[1, 1]]),
        ("mean", [X[0].mean(0), X[1, :2].mean(0)]),
        ("mean_sqrt", [X[0].sum(0) / 2, X[1, :2].sum(0) / 2**0.5]),
        ("weighted_mean", [(X[0, 0] + 2 * X[0, 1] + 3 * X[0, 2] + 4 * X[0, 3]) / 10, (X[1, 0] + 2 * X[1, 1]) / 3]),
        ("max", [X[0].max(0), X[1, :2].max(0)]),
    ],
)
def test_padding_is_left_out(way: Pooling, expected: list[NDArray[np.float32]]) -> None:
    assert np.allclose(run(lambda x, mask: pooled(x, mask, (way,)), X, MASK), np.stack(expected))

    if way in PACKED_POOLING:
        found = run(lambda x, begins, places: pooled_of_packed(x, begins, places, (way,)), *PACKED)
        assert np.allclose(found, np.stack(expected))


def test_of_texts_one_behind_another_too_one_way_stands_behind_the_other() -> None:
    found = run(lambda x, begins, places: pooled_of_packed(x, begins, places, ("last", "cls")), *PACKED)
    assert np.array_equal(found, [[*X[0, 3], *X[0, 0]], [*X[1, 1], *X[1, 0]]])


def test_the_greatest_may_be_less_than_what_padding_has() -> None:
    found = run(lambda x, mask: pooled(x, mask, ("max",)), np.where(MASK[..., None] == 1, -X - 1000, X), MASK)
    assert np.allclose(found, [-X[0, 0] - 1000, -X[1, 0] - 1000])


def test_of_several_ways_one_stands_behind_another() -> None:
    found = run(lambda x, mask: pooled(x, mask, ("max", "cls")), X, MASK)
    assert np.array_equal(found, [[*X[0, 3], *X[0, 0]], [*X[1, 1], *X[1, 0]]])
