"""A pair of tokens has the bucket of MPNet's own code, and a shift for it."""

import numpy as np
import pytest

from headrace.graphs.distances import buckets, by_distance
from headrace.graphs.linear import Node
from tests.graphs.run import run


@pytest.mark.parametrize(
    ("ahead", "expected"),
    [
        *((0, 0), (-1, 1), (-7, 7), (-8, 8), (-16, 10), (-32, 12), (-63, 13), (-64, 14), (-90, 14), (-91, 15)),
        *((-128, 15), (-2000, 15), (1, 17), (8, 24), (16, 26), (127, 31)),
    ],
)
def test_buckets_are_those_that_transformers_has(ahead: int, expected: int) -> None:
    assert buckets(np.array([ahead]), 32).tolist() == [expected]


@pytest.mark.parametrize("longest", [5, 9])
def test_each_head_has_its_own_shift_for_each_pair(longest: int) -> None:
    table = np.random.default_rng(0).normal(size=(32, 2)).astype(np.float32)
    pairs = np.arange(5)[None, :] - np.arange(5)[:, None]

    def shifts(tokens: Node) -> Node:
        return by_distance(table, tokens, longest)

    found = run(shifts, np.array([5]))
    assert np.array_equal(found, table[buckets(pairs, 32)].transpose(2, 0, 1)[None])
