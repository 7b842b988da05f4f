"""The Kolmogorov-Smirnov test is scipy's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.drift.ks import distance, ks_threshold, p_value
from tests.drift.golden import GOLDEN
from tests.drift.series import PAIRS, Values, pair


def d_of(window: Values, reference: Values) -> float:
    window, reference = np.sort(window), np.sort(reference)
    below, upto = np.searchsorted(reference, window), np.searchsorted(reference, window, side="right")
    return float(distance(below, upto, len(reference)))


@pytest.mark.parametrize("seed", range(PAIRS))
def test_distance_and_chance_are_scipys(seed: int) -> None:
    window, reference = pair(seed)
    d, exact, limit = GOLDEN["ks"][seed]
    assert d_of(window, reference) == pytest.approx(d, abs=1e-12)
    p = p_value(d, len(window), len(reference))
    assert p == pytest.approx(limit, rel=1e-9)
    assert exact <= p <= 2 * exact + 0.02  # the limit errs on the side of no alarm


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=40), st.lists(st.integers(-5, 5), min_size=1, max_size=40))
def test_distance_is_that_of_the_plain_definition(window: list[int], reference: list[int]) -> None:
    one, other = np.array(window, float), np.array(reference, float)
    points = np.concatenate([one, other])
    plain = max(abs((one <= x).mean() - (other <= x).mean()) for x in points)
    assert d_of(one, other) == pytest.approx(plain, abs=1e-12)


def test_the_threshold_is_lower_where_there_are_more_rows() -> None:
    assert ks_threshold(0.001, 500, 2000) < ks_threshold(0.001, 500, 500) < ks_threshold(0.001, 100, 500)
    assert p_value(ks_threshold(0.001, 500, 2000), 500, 2000) == pytest.approx(0.001)
