"""How many independent rows a series is worth."""

import numpy as np
import pytest

from headrace.drift.effective import inflation


def autoregression(
    rho: float, columns: int, seed: int = 0, rows: int = 2000
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    random = np.random.default_rng(seed)
    made = random.standard_normal((rows + 100, columns)) * (1 - rho**2) ** 0.5
    for i in range(1, len(made)):
        made[i] += rho * made[i - 1]
    kept: np.ndarray[tuple[int, int], np.dtype[np.float64]] = made[100:]
    return kept


@pytest.mark.parametrize("rho", [0.3, 0.5, 0.8])
def test_an_autoregression_is_worth_what_theory_says(rho: float) -> None:
    found = inflation(autoregression(rho, 50))
    assert found.mean() == pytest.approx((1 + rho) / (1 - rho), rel=0.1)


def test_independent_rows_are_worth_themselves() -> None:
    found = inflation(autoregression(0.0, 100))
    assert np.median(found) == 1.0
    assert found.max() < 1.4


def test_rows_that_alternate_are_not_worth_more_than_they_are() -> None:
    assert inflation(autoregression(-0.5, 10)).max() == 1.0


def test_a_constant_column_is_worth_its_rows() -> None:
    assert inflation(np.ones((200, 1)))[0] == 1.0
