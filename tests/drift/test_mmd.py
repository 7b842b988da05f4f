"""Whether vectors still lie as they did."""

import numpy as np
import pytest

from headrace.drift.mmd import kernel, mmd, mmd_threshold, tail


def test_the_tail_of_equal_weights_is_that_of_a_chi_square() -> None:
    weights = np.full(4, 0.25)
    assert tail(18.467 / 4, weights) == pytest.approx(0.001, rel=0.02)  # chi-square of 4 degrees


def test_vectors_that_lie_as_before_do_not_cross() -> None:
    random = np.random.default_rng(2)
    kept = kernel(random.standard_normal((2000, 16)))
    bound = mmd_threshold(0.01, kept, 500, 2000)
    crossed = [mmd(random.standard_normal((500, 16)), kept) > bound for _ in range(300)]
    assert sum(crossed) <= 12


def test_vectors_that_hang_together_otherwise_are_found_though_each_number_is_the_same() -> None:
    random = np.random.default_rng(2)
    kept = kernel(random.standard_normal((2000, 16)))
    shared = random.standard_normal((500, 1))
    alike = 0.6 * shared + 0.8 * random.standard_normal((500, 16))
    assert mmd(alike, kept) > mmd_threshold(1e-6, kept, 500, 2000)


def test_a_direction_that_never_varies_does_no_harm() -> None:
    vectors = np.random.default_rng(2).standard_normal((300, 3))
    vectors[:, 1] = 5
    assert mmd(vectors, kernel(vectors)) == pytest.approx(0, abs=1e-12)
