"""What is no number never becomes a code."""

import numpy as np
import pytest

from headrace.errors import ModelInvalid
from headrace.graphs.rounding import group_codes, row_codes
from headrace.kernels.codes4 import packed
from headrace.kernels.finite import check_finite
from tests.graphs.tiny import Drawn


def test_finite_numbers_pass() -> None:
    check_finite(np.array([-3e38, 0, 3e38], np.float32))


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_what_is_none_is_refused_however_it_would_be_held(wrong: float) -> None:
    values = np.ones((40, 64), np.float32)
    values[7, 3] = wrong
    with pytest.raises(ModelInvalid, match="finite"):
        row_codes(Drawn(values))
    with pytest.raises(ModelInvalid, match="finite"):
        group_codes(Drawn(values), 32)
    with pytest.raises(ModelInvalid, match="finite"):
        packed(lambda begin, end: values[begin:end], 40, 64)
