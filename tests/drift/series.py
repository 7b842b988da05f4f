"""The series and samples that scipy's and river's golden values are of: the same wherever they are made."""

from typing import Any

import numpy as np

PAIRS, TABLES = 8, 8
ALPHAS = (0.05, 1e-3, 1e-6, 1e-9)
HINKLEY = 20.0

Values = np.ndarray[Any, np.dtype[np.float64]]


def pair(seed: int) -> tuple[Values, Values]:
    """A window and a reference: shifted more with each seed, with equal values where the seed is odd."""
    random = np.random.default_rng(seed)
    one: Values = np.asarray(random.standard_normal(200) + seed * 0.08, np.float64)
    other: Values = random.standard_normal(900)
    digits = 1 if seed % 2 else 15
    return np.round(one, digits).astype(np.float64), np.round(other, digits).astype(np.float64)


def table(seed: int) -> tuple[Values, Values]:
    """Counts of categories in two samples."""
    random = np.random.default_rng(seed)
    shares = random.dirichlet(np.ones(3 + seed))
    other = random.dirichlet(np.ones(3 + seed)) if seed % 2 else shares
    few, many = random.multinomial(500, shares) + 5, random.multinomial(2000, other) + 5
    return few.astype(np.float64), many.astype(np.float64)


def steps(seed: int) -> Values:
    """A series whose mean moves now and then; of zeros and ones where the seed is even."""
    random = np.random.default_rng(seed)
    parts = [
        random.binomial(1, random.uniform(), size).astype(float)
        if seed % 2 == 0
        else random.standard_normal(size) + random.uniform(0, 4)
        for size in random.integers(50, 1200, 10)
    ]
    return np.concatenate(parts)
