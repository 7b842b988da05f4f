"""Means in standard deviations of their difference, and what skew makes of them."""

import numpy as np
import pytest

from headrace.drift.level import normal_critical
from headrace.drift.mean_shift import unskewed, z


def one(value: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([value])


def test_a_shift_is_told_in_deviations() -> None:
    found = z(one(0.25), one(0.0), one(1.0), one(500.0), one(2000.0))
    assert found[0] == pytest.approx(0.25 / (1 / 500 + 1 / 2000) ** 0.5)


def test_a_constant_feature_has_no_shift() -> None:
    assert z(one(1.0), one(0.0), one(0.0), one(500.0), one(2000.0))[0] == 0


def test_skewed_means_cross_as_often_as_others() -> None:
    random = np.random.default_rng(1)
    n, m, trials = 50, 400, 40_000
    current = random.gamma(n, size=trials) / n  # means of exponentials
    held = random.gamma(m, size=trials) / m
    raw = z(current, held, np.ones(trials), np.full(trials, float(n)), np.full(trials, float(m)))
    mended = unskewed(raw, np.full(trials, 2.0), np.full(trials, float(n)), np.full(trials, float(m)))
    bound = normal_critical(0.001)
    assert (np.abs(raw) > bound).mean() > 0.0015
    assert 0.0005 < (np.abs(mended) > bound).mean() < 0.0015


def test_without_skew_nothing_is_corrected() -> None:
    assert unskewed(one(3.0), one(0.0), one(500.0), one(2000.0))[0] == 3.0
