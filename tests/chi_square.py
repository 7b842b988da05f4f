"""Whether counts could have come from probabilities: Pearson's test, its quantile by Wilson and Hilferty (1931)."""

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike


def fits(counts: ArrayLike, probabilities: ArrayLike, error: float) -> bool:
    """False with chance `error` where the probabilities are right. Cells that expect fewer than 5 are joined."""
    seen, expected = np.ravel(counts).astype(float), np.ravel(probabilities).astype(float)
    if seen[expected == 0].any():
        return False
    expected = expected * seen.sum()
    rare = expected < 5
    seen, expected = np.append(seen[~rare], seen[rare].sum()), np.append(expected[~rare], expected[rare].sum())
    seen, expected = seen[expected > 0], expected[expected > 0]
    degrees = len(seen) - 1
    if degrees <= 0:
        return True
    statistic = float((np.square(seen - expected) / expected).sum())
    return statistic < _quantile(degrees, 1 - error)


def tally(draws: Sequence[int], cells: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """How often each of 0 ... cells - 1 was drawn."""
    return np.bincount(draws, minlength=cells)


def _quantile(degrees: int, share: float) -> float:
    spread = 2 / (9 * degrees)
    return float(degrees * (1 - spread + NormalDist().inv_cdf(share) * spread**0.5) ** 3)
