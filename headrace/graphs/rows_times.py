"""A matrix whose rows are multiplied by numbers of their own."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headrace.weights.checkpoint import Weight


class RowsTimes(NamedTuple):
    """A Weight over another one."""

    weight: Weight
    factors: NDArray[np.float32]  # one a row

    @property
    def shape(self) -> tuple[int, ...]:
        return self.weight.shape

    @property
    def kind(self) -> str:
        return self.weight.kind

    def dense(self) -> NDArray[np.float32]:
        return self.weight.dense() * self.factors[:, None]

    def cut(self, begin: int, end: int) -> "RowsTimes":
        """The rows from `begin` to before `end`."""
        return RowsTimes(self.weight.cut(begin, end), self.factors[begin:end])
