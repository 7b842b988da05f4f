"""What is crossed by chance as seldom as asked for is scipy's."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.drift.level import (
    chi_square_critical,
    chi_square_sf,
    kolmogorov_critical,
    kolmogorov_sf,
    normal_critical,
    share_of,
)
from tests.drift.golden import GOLDEN
from tests.drift.series import ALPHAS


@pytest.mark.parametrize("alpha", ALPHAS)
def test_critical_values_are_scipys(alpha: float) -> None:
    key = f"{alpha:g}"
    assert normal_critical(alpha) == pytest.approx(GOLDEN["normal_critical"][key], rel=1e-9)
    assert kolmogorov_critical(alpha) == pytest.approx(GOLDEN["kolmogorov_critical"][key], rel=1e-9)
    of_degrees = [chi_square_critical(alpha, k) for k in (1, 2, 9, 40)]
    assert of_degrees == pytest.approx(GOLDEN["chi2_critical"][key], rel=1e-9)


@given(st.floats(1e-12, 0.5), st.integers(1, 200))
def test_a_critical_value_is_crossed_with_its_chance(alpha: float, degrees: int) -> None:
    assert chi_square_sf(chi_square_critical(alpha, degrees), degrees) == pytest.approx(alpha, rel=1e-5)
    assert kolmogorov_sf(kolmogorov_critical(alpha)) == pytest.approx(alpha, rel=1e-5)


def test_without_degrees_nothing_is_crossed() -> None:
    assert chi_square_critical(0.01, 0) == math.inf
    assert (chi_square_sf(0.0, 3), chi_square_sf(5.0, 0)) == (1.0, 1.0)


def test_the_level_is_shared_among_tests() -> None:
    assert share_of(0.001, 20) == pytest.approx(5e-5)
    assert share_of(0.001, 0) == 0.001
