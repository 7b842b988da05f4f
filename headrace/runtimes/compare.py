"""Rows alone and the same rows together: how far apart they are."""

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.numerals import numeral
from headrace.runtimes.runtime import Arrays
from headrace.types import TensorSpec

SIMILAR, LEAST_SIMILAR = 0.98, 0.95
"""The least cosine of rows alone and in company that quantisation explains: on average, and of any one."""

AGREEING = 0.5
"""The least share of equal whole numbers (classes, mostly) where the numbers behind them moved by noise."""

LEAST = 1e-3
"""What the largest number of an output counts as at least: zeros, and what is left of numbers that cancel each other
out, move by the last bits of those, whoever keeps company."""

LIKE = 10.0
"""Numbers up to here are of like size, then those up to a hundred times as much, and so on."""

Numbers = NDArray[np.float64]
Measure = Callable[[Numbers, Numbers], Numbers]
"""Rows alone and together -> a number for each."""


class Company(msgspec.Struct, frozen=True):
    """What company does to rows; `why` says what no noise explains."""

    why: str = ""
    output: str = ""  # that moved the most
    difference: float = 0.0  # largest absolute difference of a float
    cosine: float = 1.0  # of the rows of an output, on average; lowest of the outputs
    lowest_cosine: float = 1.0  # of any row
    within: bool = True  # floats within the tolerance, everything else equal
    agreement: float = 1.0  # lowest share of equal elements, of outputs that are no floats

    @property
    def in_noise(self) -> bool:
        """Whether floats moved, and no row further than quantisation moves it."""
        turned = self.cosine < SIMILAR or self.lowest_cosine < LEAST_SIMILAR
        return not self.why and self.output != "" and not turned and self.agreement >= AGREEING

    def worse(self, other: "Company") -> "Company":
        """Both findings as one."""
        return Company(
            self.why or other.why,
            self.output if self.difference >= other.difference else other.output,
            max(self.difference, other.difference),
            min(self.cosine, other.cosine),
            min(self.lowest_cosine, other.lowest_cosine),
            self.within and other.within,
            min(self.agreement, other.agreement),
        )

    def moved(self) -> str:
        """What moved and how far, in words."""
        if not self.output:
            return f"in company, {1 - self.agreement:.0%} of an output's elements change"
        return f"output {self.output!r} moves by up to {numeral(self.difference)} in company (cosine {self.cosine:.4f})"


def compare(alone: Sequence[Arrays], together: Arrays, specs: Sequence[TensorSpec], tolerance: float) -> Company:
    """Hold each row of a run in company against the run that it had alone (outputs of one row each)."""
    found = Company()
    for spec in specs:
        rows, joined = [row[spec.name] for row in alone], together[spec.name]
        if why := _misshapen(spec.name, rows, joined):
            return Company(why=why)
        expected = np.concatenate(rows)
        if expected.dtype.kind == "f" or spec.datatype == "BF16":
            widen = _from_bf16 if spec.datatype == "BF16" else _widened
            found = found.worse(_floats(spec.name, widen(expected), widen(joined), tolerance))
        else:
            found = found.worse(_exact(expected, joined))
    return found


def _misshapen(name: str, rows: list[NDArray[np.generic]], joined: NDArray[np.generic]) -> str:
    for row in rows:
        if not row.ndim:
            return f"output {name!r} is a scalar, whatever the number of rows"
        if len(row) != 1:
            return f"output {name!r} has {len(row)} rows where the inputs have one"
    if len(joined) != len(rows):
        return f"output {name!r} has {len(joined)} rows where the inputs have {len(rows)}"
    if any(row.shape[1:] != joined.shape[1:] for row in rows):
        return f"the shape of a row of output {name!r} depends on the other rows"
    return ""


def _floats(name: str, alone: Numbers, together: Numbers, tolerance: float) -> Company:
    """Equal where each element is within the tolerance.

    That is a share of the largest number in the element's own place where that is above 1, and of the output's largest
    where all are below.
    """
    if not np.array_equal(np.isfinite(alone), np.isfinite(together)):
        return Company(why=f"output {name!r} is finite for a row alone and not in company, or the other way round")
    width = alone[0].size
    alone, together = (np.nan_to_num(each, posinf=0, neginf=0).reshape(len(each), width) for each in (alone, together))
    apart = np.abs(alone - together)
    least = min(1.0, max(LEAST, float(np.abs(alone).max(initial=0))))
    near = (apart <= tolerance * np.maximum(least, np.abs(alone).max(axis=0))).all(axis=1)
    difference = float(apart.max(initial=0))
    cosine = np.ones(len(alone)) if near.all() else np.where(near, 1.0, least_of_like_size(_cosines, alone, together))
    return Company(
        "", name if difference else "", difference, float(cosine.mean()), float(cosine.min()), bool(near.all())
    )


def least_of_like_size(measure: Measure, alone: Numbers, together: Numbers) -> Numbers:
    """Of each row what is measured of its places whose numbers are of like size, where that is least: pixels or a
    timestamp must not outweigh the probability beside them."""
    sizes = np.maximum(0, np.ceil(np.log10(np.maximum(np.abs(alone).max(axis=0), 1) / LIKE) / 2))
    found = [measure(alone[:, sizes == size], together[:, sizes == size]) for size in np.unique(sizes)]
    return np.minimum.reduce(found) if found else np.ones(len(alone))


def _cosines(alone: Numbers, together: Numbers) -> Numbers:
    """Of each row; zero where it vanishes in company, or comes from nothing."""
    area = np.linalg.norm(alone, axis=1) * np.linalg.norm(together, axis=1)
    both = (alone == together).all(axis=1)
    cosines: Numbers = np.where(area > 0, (alone * together).sum(axis=1) / np.where(area > 0, area, 1), both)
    return cosines


def _exact(alone: NDArray[np.generic], together: NDArray[np.generic]) -> Company:
    """Whole numbers, truth values and strings are equal or they are not."""
    equal = float(np.mean(alone == together)) if alone.size else 1.0
    return Company(within=equal == 1, agreement=equal)


def _widened(array: NDArray[np.generic]) -> Numbers:
    return array.astype(np.float64)


def _from_bf16(array: NDArray[np.generic]) -> Numbers:
    return (array.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
