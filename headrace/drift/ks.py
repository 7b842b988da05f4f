"""The two-sample Kolmogorov-Smirnov test, exact on a window against the sorted reference."""

import math

import numpy as np
from numpy.typing import NDArray

from headrace.drift.level import kolmogorov_critical, kolmogorov_sf

Ranks = NDArray[np.intp]


def distance(below: Ranks, upto: Ranks, reference: Ranks | int) -> NDArray[np.float64]:
    """Kolmogorov's D of sorted windows, one a row: of each value, how many of the reference are below it, and how many
    are below it or equal; there are `reference` values."""
    n = below.shape[-1]
    steps = np.arange(n + 1) / n
    above = (steps[1:] - upto / reference).max(-1)
    under = (below / reference - steps[:-1]).max(-1)
    found: NDArray[np.float64] = np.maximum(np.maximum(above, under), 0.0)
    return found


def p_value(d: float, current: float, reference: float) -> float:
    """The chance of a distance beyond `d`, by Kolmogorov's limit, which is at most a little too large."""
    return kolmogorov_sf(d * math.sqrt(current * reference / (current + reference)))


def ks_threshold(alpha: float, current: float, reference: float) -> float:
    """The distance that two samples of so many independent rows go beyond with chance `alpha`."""
    return kolmogorov_critical(alpha) * math.sqrt(1 / current + 1 / reference)
