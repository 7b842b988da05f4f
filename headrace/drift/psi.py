"""The population stability index: how differently two samples fill the same bins."""

import numpy as np
from numpy.typing import NDArray

from headrace.drift.level import chi_square_critical

Counts = NDArray[np.float64]


def psi(current: Counts, reference: Counts) -> NDArray[np.float64]:
    """The index over the last axis; counts are smoothed by a half each, so that an empty bin is not infinite."""
    bins = current.shape[-1]
    p = (current + 0.5) / (current.sum(-1, keepdims=True) + 0.5 * bins)
    q = (reference + 0.5) / (reference.sum(-1, keepdims=True) + 0.5 * bins)
    found: NDArray[np.float64] = ((p - q) * np.log(p / q)).sum(-1)
    return found


def psi_threshold(alpha: float, bins: int, current: float, reference: float) -> float:
    """What the index of two samples of so many independent rows is above with chance `alpha` where nothing changed.

    The usual 0.1 and 0.25 say nothing of how many rows there are: of 100 rows and 10 bins 0.1 is what chance makes.
    """
    return chi_square_critical(alpha, bins - 1) * (1 / current + 1 / reference)
