"""What filling up does to answers: rows alone against the same rows filled up and cut to their lengths. Pure."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.runtimes.compare import AGREEING, Company, Numbers, compare, least_of_like_size
from headrace.runtimes.runtime import Arrays
from headrace.types import TensorSpec

APART, FURTHEST_APART = 0.2, 0.32
"""The most that quantisation moves a row, as a share of its length: on average, and any one. It is what a cosine of
0.98 and 0.95 means for rows of one length; a mean that takes in the padding keeps its direction, but not its length."""

Array = NDArray[np.generic]


class Filled(NamedTuple):
    """What was found of all rows so far."""

    company: Company = Company()
    shares: Mapping[str, list[float]] = {}  # of each output: how far each row moved, by its length

    def and_of(self, other: "Filled") -> "Filled":
        """Both findings as one."""
        names = {**self.shares, **other.shares}
        shares = {name: [*self.shares.get(name, ()), *other.shares.get(name, ())] for name in names}
        return Filled(self.company.worse(other.company), shares)

    @property
    def in_noise(self) -> bool:
        """Whether floats moved, and no row further than quantisation moves it."""
        near = all(float(np.mean(rows)) <= APART and max(rows) <= FURTHEST_APART for rows in self.shares.values())
        company = self.company
        return not company.why and company.output != "" and company.agreement >= AGREEING and near


def hold(alone: Sequence[Arrays], together: Arrays, specs: Sequence[TensorSpec], tolerance: float) -> Filled:
    """As company is judged, but that the tolerance is a share of the output's largest number however small that is.

    A model that finds nothing in noise answers with numbers near zero, whatever is done to its inputs.
    """
    found = Filled()
    for spec in specs:
        rows, joined = [_widened(row[spec.name], spec) for row in alone], _widened(together[spec.name], spec)
        floats = joined.dtype == np.float64
        scale = min(1.0, max(float(np.abs(row).max(initial=0)) for row in rows)) or 1.0 if floats else 1.0
        said = msgspec.structs.replace(spec, datatype="FP64") if floats else spec
        company = compare(
            [{spec.name: row / scale if floats else row} for row in rows],
            {spec.name: joined / scale if floats else joined},
            [said],
            tolerance,
        )
        company = msgspec.structs.replace(company, difference=company.difference * scale)
        shares = {spec.name: _shares(np.concatenate(rows), joined)} if floats and not company.why else {}
        found = found.and_of(Filled(company, shares))
    return found


def levelled(array: Array, axes: tuple[int, ...], length: int, longest: int) -> Array:
    """An output, nothing past the row's own length, in the longest row's shape: so that lengths can be compared."""
    shape = tuple(longest if axis in axes else size for axis, size in enumerate(array.shape))
    level = np.full(shape, b"", dtype=object) if array.dtype.kind == "O" else np.zeros(shape, array.dtype)
    own = tuple(slice(length) if axis in axes else slice(None) for axis in range(array.ndim))
    level[own] = array[own]
    return level


def _shares(alone: Numbers, together: Numbers) -> list[float]:
    width = max(1, alone[0].size)
    alone, together = (np.nan_to_num(each).reshape(-1, width) for each in (alone, together))
    return [float(share) for share in 1.0 - least_of_like_size(_kept, alone, together)]


def _kept(alone: Numbers, together: Numbers) -> Numbers:
    """What is left of each row: all of it, less how far it moved by its length."""
    apart, lengths = np.linalg.norm(alone - together, axis=1), np.linalg.norm(alone, axis=1)
    left: Numbers = 1.0 - np.where(lengths > 0, apart / np.where(lengths > 0, lengths, 1), apart > 0)
    return left


def _widened(array: Array, spec: TensorSpec) -> NDArray[np.float64]:
    """Floats in double precision; what is none as it is."""
    if spec.datatype == "BF16":
        array = (array.astype(np.uint32) << 16).view(np.float32)
    return array.astype(np.float64) if array.dtype.kind == "f" else array  # type: ignore[return-value]
