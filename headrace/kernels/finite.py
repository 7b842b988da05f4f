"""Numbers that are to become codes must be numbers: as a code, what is none would be one like any other."""

import numpy as np
from numpy.typing import NDArray

from headrace.errors import ModelInvalid


def check_finite(extremes: NDArray[np.float32]) -> None:
    """Raises ModelInvalid where the least or the greatest of some weights are no finite numbers."""
    if not np.isfinite(extremes).all():
        raise ModelInvalid("must be finite numbers: some are none, or too large", "weights")
