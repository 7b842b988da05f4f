"""Numbers become two bfloat16 halves, in the order in which tiles read them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from headrace.errors import ModelInvalid
from headrace.kernels.halves import float_panels, halves
from tests.kernels.test_codes4 import reading


def as_float(bits: NDArray[np.uint16]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = (bits.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    return found


@given(st.floats(min_value=2.0**-100, max_value=2.0**100, width=32), st.booleans())
def test_both_halves_together_are_within_a_part_of_2_to_the_17th(size: float, negative: bool) -> None:
    values = np.array([[-size if negative else size]], np.float32)
    upper, lower = halves(values)
    assert abs(as_float(upper) + as_float(lower) - values.astype(np.float64)) <= 2.0**-17 * size


def test_what_a_bfloat16_holds_has_no_lower_half() -> None:
    upper, lower = halves(np.array([[1.5, -0.0, 3.0e38, 2.0**-120]], np.float32))
    assert as_float(upper).tolist() == [[1.5, 0.0, float(np.float32(as_float(upper)[0, 2])), 2.0**-120]]
    assert as_float(lower)[0, [0, 1, 3]].tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(("rows", "width"), [(1, 1), (16, 32), (33, 40), (64, 65)])
def test_each_number_is_where_its_tile_has_it(rows: int, width: int) -> None:
    values = np.random.default_rng(rows).normal(size=(rows, width)).astype(np.float32)
    stretches = -(-width // 32)
    laid = (
        float_panels(reading(values), rows, width).view(np.uint16).reshape(-(-rows // 32), stretches, 2, 2, 16, 16, 2)
    )
    upper, lower = halves(values)
    for row in range(rows):
        for column in range(width):
            within, pair = row % 32, column % 32
            at = (row // 32, column // 32, slice(None), within // 16, pair // 2, within % 16, pair % 2)
            assert laid[at].tolist() == [upper[row, column], lower[row, column]]
    assert np.count_nonzero(laid[:, :, 0]) == np.count_nonzero(upper)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_refused(wrong: float) -> None:
    with pytest.raises(ModelInvalid, match="must be finite"):
        float_panels(reading(np.array([[1.0, wrong]], np.float32)), 1, 2)
