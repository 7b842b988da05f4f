"""Rows are multiplied, whole or cut."""

import numpy as np

from headrace.graphs.rows_times import RowsTimes
from tests.graphs.tiny import Drawn


def test_rows_are_multiplied_and_may_be_cut() -> None:
    values = np.arange(12, dtype=np.float32).reshape(4, 3)
    found = RowsTimes(Drawn(values), np.array([1, 2, 4, 8], np.float32))
    assert (found.shape, found.kind) == ((4, 3), "F32")
    assert np.array_equal(found.dense(), values * [[1], [2], [4], [8]])
    assert np.array_equal(found.cut(1, 3).dense(), found.dense()[1:3])
