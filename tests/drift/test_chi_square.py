"""Pearson's test is scipy's, and rare categories are counted together."""

import numpy as np
import pytest

from headrace.drift.chi_square import chi_square, joined
from headrace.drift.level import chi_square_sf
from tests.drift.golden import GOLDEN
from tests.drift.series import TABLES, table


@pytest.mark.parametrize("seed", range(TABLES))
def test_statistics_and_chance_are_scipys(seed: int) -> None:
    pearson, ratio, degrees = chi_square(*table(seed))
    told = GOLDEN["chi2"][seed]
    assert [pearson, ratio, degrees] == pytest.approx(told[:3], rel=1e-9)
    assert chi_square_sf(pearson, degrees) == pytest.approx(told[3], rel=1e-6, abs=1e-15)


def test_rare_categories_are_joined_and_none_is_lost() -> None:
    current, reference = np.array([90.0, 3.0, 2.0, 5.0]), np.array([380.0, 4.0, 3.0, 13.0])
    one, other = joined(current, reference)
    assert (one.sum(), other.sum()) == (current.sum(), reference.sum())
    assert len(one) == len(other) == 2
    assert min((one + other) * current.sum() / (current.sum() + reference.sum())) >= 5 or len(one) == 1


def test_what_is_common_enough_stays_as_it_is() -> None:
    current, reference = np.array([50.0, 50.0]), np.array([200.0, 200.0])
    one, other = joined(current, reference)
    assert (one.tolist(), other.tolist()) == ([50, 50], [200, 200])


def test_one_category_tells_nothing() -> None:
    assert chi_square(np.array([5.0]), np.array([9.0])) == (0.0, 0.0, 0)
