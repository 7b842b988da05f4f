"""Logits are weighed as numpy weighs them."""

import numpy as np
import pytest

from headrace.kernels.weighing import weigher
from headrace.llm.drawing import weighed
from tests.tiles import kernels


@pytest.mark.parametrize("shape", [(256, 192), (7, 16), (3, 33), (1, 101)])
@pytest.mark.parametrize("temperature", [0.3, 1.0, 5.0])
def test_weights_and_where_columns_end_are_those_of_numpy(shape: tuple[int, int], temperature: float) -> None:
    row = np.random.default_rng(0).normal(scale=4, size=shape[0] * shape[1]).astype(np.float32)
    tables = [np.empty(shape, np.float32) for _ in range(2)]
    ends = weigher(kernels())(row, temperature, tables[0])
    np.testing.assert_allclose(ends, weighed(row, temperature, tables[1]), rtol=3e-6)
    np.testing.assert_allclose(tables[0], tables[1], rtol=3e-6)


def test_a_row_may_be_weighed_in_place() -> None:
    row = np.random.default_rng(0).normal(size=64).astype(np.float32)
    expected, weigh = np.exp(row), weigher(kernels())
    weigh(row, 1.0, row.reshape(2, 32))
    np.testing.assert_allclose(row, expected, rtol=3e-6)


def test_what_is_forbidden_weighs_nothing_and_what_is_no_number_is_none() -> None:
    row, weigh = np.zeros(40, np.float32), weigher(kernels())
    row[[3, 4]] = -np.inf, -1000
    table = np.empty((2, 20), np.float32)
    assert weigh(row, 1.0, table)[-1] == 38
    assert table.reshape(-1)[[3, 4]].tolist() == [0, 0]
    row[30] = np.nan
    assert np.isnan(weigh(row, 1.0, table)[-1])
    row[30] = 1e4
    assert weigh(row, 1.0, table)[-1] > 1e30
