"""A request of more rows than a run may have is computed in parts, one behind the other: rows keep to themselves.

So it takes no more memory than the largest run does, however many rows somebody sends.
"""

import numpy as np
from numpy.typing import NDArray

from headrace.errors import InputRefused
from headrace.runtimes.runtime import Arrays, LoadedModel
from headrace.types import TensorSpec


class InParts:
    """A loaded model that is given `most` rows at a time; all that it takes and gives has rows first."""

    def __init__(self, model: LoadedModel, most: int) -> None:
        self.inputs, self.platform, self.runtime = model.inputs, model.platform, model.runtime
        self.model = model
        self._most = most

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        return self.model.outputs

    @property
    def coarse(self) -> bool:
        return self.model.coarse

    def run(self, arrays: Arrays, outputs: tuple[str, ...]) -> Arrays:
        """Compute; what the parts gave, joined. Raises what the model raises for any of them."""
        most = self._most
        for array in arrays.values():
            if array.ndim and len(array) > most:
                return self._in_parts(arrays, outputs)
        return self.model.run(arrays, outputs)

    def close(self) -> None:
        self.model.close()

    def _in_parts(self, arrays: Arrays, outputs: tuple[str, ...]) -> Arrays:
        rows, most = max([len(array) for array in arrays.values() if array.ndim]), self._most
        parts = [
            self.model.run({name: array[begin : begin + most] for name, array in arrays.items()}, outputs)
            for begin in range(0, rows, most)
        ]
        return {name: self._joined(name, parts) for name in parts[0]}

    def _joined(self, name: str, parts: list[Arrays]) -> NDArray[np.generic]:
        try:
            return np.concatenate([part[name] for part in parts])
        except ValueError:
            sizes = ", ".join(sorted({str(list(part[name].shape[1:])) for part in parts}))
            raise InputRefused(
                f"output {name!r} of runs of {self._most} rows differs in shape: {sizes}; ask for that many at most"
            ) from None
