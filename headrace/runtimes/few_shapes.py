"""A model of a runtime that compiles for each shape is given few of them: rows and lengths are filled up to steps.

OpenVINO takes ten to a hundred milliseconds for a shape that it has not met, more than most batches of texts cost;
these come in thousands of shapes, and whoever waits behind a new one would be late. So a batch is filled up further, to
the smallest shape that was met, where that is at most twice as large as its steps; those are met once that has happened
often. Only models whose rows may be filled up (`pad_probe.py`).
"""

import time
from collections import Counter
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from headrace.arrays import DATATYPES, filled
from headrace.errors import InputRefused
from headrace.runtimes.runtime import Arrays, LoadedModel
from headrace.types import FREE, PadAxis

COMMON_ROWS, COMMON_LENGTH = 16, 128  # that many shapes are of at most
COMMON_NUMBERS = 1024  # of all rows together
FINE = 8  # up to here every size is a step; above, there are four to each doubling

MOST_FILLED = 2  # times as large as its steps a shape may be that was met, to stand in for one that was not
SMALL = 32  # numbers that cost next to nothing
OFTEN = 64  # times that another has stood in for a shape, until it is met itself


def step(size: int) -> int:
    """The smallest step that is no less."""
    if size <= FINE:
        return size
    width = 1 << ((size - 1).bit_length() - 3)
    return -(-size // width) * width


def steps(largest: int) -> list[int]:
    """All up to the one that is no less."""
    return sorted({step(size) for size in range(1, largest + 1)})


def roundness(size: int) -> int:
    """0 of powers of two, 1 of those and a half, 2 of others: those of one sort lie about evenly far apart."""
    odd = size // (size & -size)
    return 0 if odd == 1 else 1 if odd == 3 else 2


class FewShapes:
    """A loaded model that is asked for steps only; its answers are cut to what was asked."""

    def __init__(self, model: LoadedModel, pad: PadAxis) -> None:
        self.inputs, self.outputs = model.inputs, model.outputs
        self.platform, self.runtime = model.platform, model.runtime
        self._model = model
        self._pad = pad
        self._datatypes = {spec.name: spec.datatype for spec in model.inputs}
        self._longest: int | None = None  # that the model takes, once it has refused a step
        self._met: set[tuple[int, int]] = set()  # shapes, (rows, length)
        self._stand_ins: dict[tuple[int, int], tuple[int, int] | None] = {}  # for shapes that were not
        self._stood_in: Counter[tuple[int, int]] = Counter()  # how often another one did

    @property
    def coarse(self) -> bool:
        return self._model.coarse

    def run(self, arrays: Arrays, outputs: tuple[str, ...] = ()) -> Arrays:
        """Compute; where the model takes no more than what was asked, that."""
        size = self._size(arrays)
        if size is None:
            return self._model.run(arrays, outputs)
        rows, length = size
        larger = self._shape(rows, length)
        if larger == size or not self._may_be(length, larger[1]):
            return self._run(size, arrays, outputs)
        try:
            results = self._run(larger, self._filled(arrays, *larger), outputs)
        except InputRefused:
            exact = self._model.run(arrays, outputs)  # raises where the fault is not the size's
            self._longest = larger[1] - 1
            return exact
        return {name: self._cut(name, array, rows, length) for name, array in results.items()}

    def compile_ahead(self, most_rows: int, budget_s: float, clock: Callable[[], float] = time.monotonic) -> int:
        """Meet the shapes that come most before anybody asks, until the time is spent; says how many.

        Those first that can stand in for most others: round ones, small ones before large ones. Whatever the model
        refuses, and all of its length and longer, is left to be met later.
        """
        until_s, longest = clock() + budget_s, COMMON_LENGTH
        rows, lengths = steps(min(most_rows, COMMON_ROWS)), steps(COMMON_LENGTH)
        sizes = [(count, length) for count in rows for length in lengths if count * length <= COMMON_NUMBERS]
        met = 0
        for count, length in sorted(sizes, key=_place):
            arrays = self._zeros(count, length)
            if arrays is None or clock() > until_s:
                break
            if length > longest:
                continue
            try:
                self._run((count, length), arrays, ())
            except InputRefused:
                longest = length - 1
            else:
                met += 1
        return met

    def close(self) -> None:
        self._model.close()

    def _shape(self, rows: int, length: int) -> tuple[int, int]:
        """What so many rows of a length are filled up to."""
        wanted = step(rows), step(length)
        if wanted in self._met or self._stood_in[wanted] >= OFTEN:
            return wanted
        if wanted not in self._stand_ins:
            self._stand_ins[wanted] = self._stand_in(*wanted)
        found = self._stand_ins[wanted]
        if found is None or not self._may_be(length, found[1]):
            return wanted
        self._stood_in[wanted] += 1
        return found

    def _stand_in(self, rows: int, length: int) -> tuple[int, int] | None:
        """The smallest shape that was met and is not far too large."""
        most = max(SMALL, MOST_FILLED * rows * length)
        larger = [each for each in self._met if rows <= each[0] and length <= each[1] and each[0] * each[1] <= most]
        return min(larger, key=lambda each: (each[0] * each[1], each), default=None)

    def _run(self, size: tuple[int, int], arrays: Arrays, outputs: tuple[str, ...]) -> Arrays:
        results = self._model.run(arrays, outputs)
        if size not in self._met:
            self._met.add(size)
            self._stand_ins.clear()
        return results

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


def _place(size: tuple[int, int]) -> tuple[int, int, tuple[int, int]]:
    """In the order in which shapes are met ahead; short lengths come last, for longer ones can stand in for them."""
    rows, length = size
    return max(roundness(rows), roundness(length), 3 if length < FINE else 0), rows * length, size
