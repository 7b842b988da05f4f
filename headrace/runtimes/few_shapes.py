"""A model of a runtime that compiles for each shape is given few of them: rows and lengths are filled up to steps.

OpenVINO takes ten milliseconds for a shape that it has not seen, more than a short text costs; texts in batches come in
thousands of shapes, and each new one would be late. Only models whose rows may be filled up (`pad_probe.py`).
"""

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from headrace.arrays import DATATYPES, filled
from headrace.errors import InputRefused
from headrace.runtimes.runtime import Arrays, LoadedModel
from headrace.types import FREE, PadAxis

COMMON_ROWS, COMMON_LENGTH = 8, 128  # that many shapes are of at most
FINE = 8  # up to here every size is a step; above, there are four to each doubling


def step(size: int) -> int:
    """The smallest step that is no less."""
    if size <= FINE:
        return size
    width = 1 << ((size - 1).bit_length() - 3)
    return -(-size // width) * width


class FewShapes:
    """A loaded model that is asked for steps only; its answers are cut to what was asked."""

    def __init__(self, model: LoadedModel, pad: PadAxis) -> None:
        self.inputs, self.outputs = model.inputs, model.outputs
        self.platform, self.runtime = model.platform, model.runtime
        self._model = model
        self._pad = pad
        self._datatypes = {spec.name: spec.datatype for spec in model.inputs}
        self._longest: int | None = None  # that the model takes, once it has refused a step

    @property
    def coarse(self) -> bool:
        return self._model.coarse

    def run(self, arrays: Arrays, outputs: tuple[str, ...] = ()) -> Arrays:
        """Compute; where the model takes no more than what was asked, that."""
        size = self._size(arrays)
        if size is None:
            return self._model.run(arrays, outputs)
        rows, length = size
        larger = step(rows), step(length)
        if larger == size or not self._may_be(length, larger[1]):
            return self._model.run(arrays, outputs)
        try:
            results = self._model.run(self._filled(arrays, *larger), outputs)
        except InputRefused:
            exact = self._model.run(arrays, outputs)  # raises where the fault is not the size's
            self._longest = larger[1] - 1
            return exact
        return {name: self._cut(name, array, rows, length) for name, array in results.items()}

    def compile_ahead(self, most_rows: int, budget_s: float, clock: Callable[[], float] = time.monotonic) -> int:
        """Meet the shapes that come most before anybody asks, small ones first, until the time is spent; says how many.

        Whatever the model refuses, and all behind it, is left to be met later.
        """
        until_s = clock() + budget_s
        steps = {step(size) for size in range(1, COMMON_LENGTH + 1)}
        sizes = [(rows, length) for rows in range(1, min(most_rows, COMMON_ROWS) + 1) for length in steps]
        compiled = 0
        for rows, length in sorted(sizes, key=lambda size: (size[0] * size[1], size)):
            arrays = self._zeros(step(rows), length)
            if arrays is None or clock() > until_s:
                break
            try:
                self._model.run(arrays, ())
            except InputRefused:
                break
            compiled += 1
        return compiled

    def close(self) -> None:
        self._model.close()

    def _may_be(self, length: int, larger: int) -> bool:
        """Whether rows of this length may be filled up so far."""
        taken = self._longest is None or larger <= self._longest
        return taken and self._pad.fills(length) and self._pad.fills(larger)

    def _zeros(self, rows: int, length: int) -> Arrays | None:
        """None where an input has dimensions of which nothing is known, or is no number."""
        made: dict[str, NDArray[np.generic]] = {}
        for spec in self.inputs:
            shape = [rows, *spec.shape[1:]]
            if spec.name in self._pad.values:
                shape[self._pad.axis] = length
            if FREE in shape or spec.datatype == "BYTES":
                return None
            made[spec.name] = np.zeros(shape, DATATYPES[spec.datatype])
        return made

    def _size(self, arrays: Arrays) -> tuple[int, int] | None:
        """Rows and their length; None where they may not be filled up."""
        if self._pad.mask and self._pad.mask not in arrays:
            return None
        sizes = {array.shape[self._pad.axis] for name, array in arrays.items() if name in self._pad.values}
        rows = {array.shape[0] for array in arrays.values() if array.ndim}
        return (rows.pop(), sizes.pop()) if len(sizes) == 1 and len(rows) == 1 else None

    def _filled(self, arrays: Arrays, rows: int, length: int) -> Arrays:
        """The last row stands in for rows that are lacking: what it holds, the model takes."""
        long = {name: self._lengthened(name, array, length) for name, array in arrays.items()}
        return {
            name: np.concatenate([array, np.repeat(array[-1:], rows - len(array), axis=0)])
            if len(array) < rows
            else array
            for name, array in long.items()
        }

    def _lengthened(self, name: str, array: NDArray[np.generic], length: int) -> NDArray[np.generic]:
        axis = self._pad.axis
        if name not in self._pad.values or array.shape[axis] >= length:
            return array
        shape = (*array.shape[:axis], length - array.shape[axis], *array.shape[axis + 1 :])
        return np.concatenate([array, filled(self._datatypes[name], self._pad.values[name], shape)], axis)

    def _cut(self, name: str, array: NDArray[np.generic], rows: int, length: int) -> NDArray[np.generic]:
        axes = self._pad.outputs.get(name, ())
        return array[
            tuple(slice(rows if axis == 0 else length if axis in axes else None) for axis in range(array.ndim))
        ]
