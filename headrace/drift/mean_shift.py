"""The two-sample test of means, corrected for skew: the strongest where a feature is shifted."""

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


def z(mean: Values, reference: Values, deviation: Values, current: Values, held: Values) -> Values:
    """Means of `current` rows against those of `held`, in standard deviations of their difference; rows are what
    so many independent ones would tell."""
    scale = deviation * np.sqrt(1 / current + 1 / held)
    found: Values = np.divide(mean - reference, scale, out=np.zeros_like(scale), where=scale > 0)
    return found


def unskewed(z: Values, skew: Values, current: Values, held: Values) -> Values:
    """The same as if the feature had no skew, by Cornish and Fisher's first term: its means have some left, and far
    out in the tail that multiplies false alarms."""
    of_difference = skew * (1 / current**2 - 1 / held**2) / (1 / current + 1 / held) ** 1.5
    corrected: Values = z - of_difference * (z**2 - 1) / 6
    return np.where(np.sign(corrected) == np.sign(z), corrected, 0.0)
