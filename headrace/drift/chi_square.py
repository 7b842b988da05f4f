"""Pearson's test of whether two samples share one mix of categories."""

import numpy as np
from numpy.typing import NDArray

LEAST = 5.0
"""What is expected of a category in either sample, at least; rarer ones are counted together."""


def joined(current: NDArray[np.float64], reference: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """The counts with rare categories added up into one; where even that is rare it joins the rarest of the others."""
    together = current + reference
    share = min(current.sum(), reference.sum()) / max(together.sum(), 1.0)
    rare = together * share < LEAST
    if not rare.any():
        return current, reference
    tables = []
    kept = np.argsort(together[~rare], kind="stable")
    small = together[rare].sum() * share < LEAST
    for counts in (current, reference):
        rest, others = counts[rare].sum(), counts[~rare].copy()
        if small and len(others):
            others[kept[0]] += rest
        else:
            others = np.append(others, rest)
        tables.append(others)
    return tuple(tables)


def chi_square(current: NDArray[np.float64], reference: NDArray[np.float64]) -> tuple[float, float, int]:
    """Pearson's statistic, the likelihood ratio's, and their degrees of freedom.

    Far out in the tail Pearson's crosses too often for rare categories that became more; the likelihood ratio's does
    for those that became fewer. Both together hold the level: an alarm asks for the lesser.
    """
    seen = np.stack([current, reference])
    seen = seen[:, seen.sum(0) > 0]
    if seen.shape[1] < 2 or not seen.sum(1).all():
        return 0.0, 0.0, 0
    expected = seen.sum(1, keepdims=True) * seen.sum(0) / seen.sum()
    pearson = float((np.square(seen - expected) / expected).sum())
    positive = seen > 0
    ratio = 2 * float((seen[positive] * np.log(seen[positive] / expected[positive])).sum())
    return pearson, ratio, seen.shape[1] - 1
