"""The population stability index, and what chance makes of it."""

import numpy as np
import pytest

from headrace.drift.psi import psi, psi_threshold


def test_equal_shares_have_none_and_shifted_ones_have_much() -> None:
    reference = np.full(10, 200.0)
    assert psi(np.full(10, 50.0), reference) == pytest.approx(0, abs=1e-9)
    moved = np.array([0, 0, 10, 20, 30, 40, 50, 100, 120, 130.0])
    assert psi(moved, reference) > 0.25


def test_an_empty_bin_is_not_infinite() -> None:
    assert np.isfinite(psi(np.array([0.0, 100.0]), np.array([50.0, 50.0])))


@pytest.mark.parametrize("rows", [200, 500])
def test_the_threshold_is_crossed_about_as_often_as_asked_for(rows: int) -> None:
    random = np.random.default_rng(3)
    held = random.multinomial(2000, np.full(10, 0.1), size=2000).astype(float)
    seen = random.multinomial(rows, np.full(10, 0.1), size=2000).astype(float)
    share = float((psi(seen, held) > psi_threshold(0.01, 10, rows, 2000)).mean())
    assert 0.004 < share < 0.02
