"""What rows were like when all was well: of each feature what the tests need of it."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import NormalDist
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.drift.effective import inflation
from headrace.drift.features import categorical, groups
from headrace.drift.mmd import Kernel, kernel

BINS = 10
FEW = 20
"""Different numbers of a feature that are still categories."""

EACH = 20
"""Rows of each of them, on average, at least."""

MOST_SKEW, MOST_TAIL = 1.0, 3.0
"""Skew and excess kurtosis of a feature whose means are still near enough to normal; others are ranked first."""

SLICE = 8  # features that are made of a matrix without a pause

Rows = NDArray[np.float64]


class Column(msgspec.Struct, frozen=True, gc=False):
    """One feature of the reference."""

    name: str
    rows: int
    values: NDArray[np.float64]  # those not missing, sorted
    mean: float
    deviation: float
    skew: float
    inflation: float  # of the variance of its mean: rows that come after one another are alike
    categories: NDArray[np.float64] | None  # its different values, where it has few
    scores: NDArray[np.float64] | None  # of a rank, 0 to 2 len(values) in halves, where means are those of ranks
    edges: NDArray[np.float64]  # upper ones of all bins but the last
    counts: NDArray[np.float64]  # in those bins, or of those categories
    tied: bool = False  # some of its values are equal

    @property
    def missing(self) -> int:
        return self.rows - len(self.values)

    @property
    def held(self) -> float:
        """What its rows are worth, in independent ones."""
        return len(self.values) / self.inflation


class Reference(msgspec.Struct, frozen=True):
    """All features of a side, and of vectors how they lie together."""

    rows: int
    columns: tuple[Column, ...]
    kernels: Mapping[str, Kernel]  # by tensor
    source: Literal["rows", "file"] = "rows"  # that the model was asked first, or that somebody gave

    def only(self, names: Sequence[str]) -> "Reference":
        """Of these features alone, those that it has, in their order."""
        by_name = {column.name: column for column in self.columns}
        columns = tuple(by_name[name] for name in names if name in by_name)
        whole = groups([column.name for column in columns])
        mine = groups([column.name for column in self.columns])
        kernels = {each: kept for each, kept in self.kernels.items() if len(whole.get(each, ())) == len(mine[each])}
        return Reference(self.rows, columns, kernels, self.source)


def make_reference(names: Sequence[str], rows: Rows) -> Iterator[Reference | None]:
    """The reference last, and None before it wherever there may be a pause."""
    columns: list[Column] = []
    for start in range(0, len(names), SLICE):
        few = rows[:, start : start + SLICE]
        columns += [make_column(name, few[:, i]) for i, name in enumerate(names[start : start + SLICE])]
        yield None
    kernels = {}
    for tensor, indices in groups(names).items():
        vectors = rows[:, indices]
        vectors = vectors[np.isfinite(vectors).all(1)]
        if len(vectors) >= 2 * len(indices) and len(indices) > 1 and np.ptp(vectors, axis=0).any():
            kernels[tensor] = kernel(vectors)
            yield None
    yield Reference(len(rows), tuple(columns), kernels)


def make_column(name: str, rows: NDArray[np.float64]) -> Column:
    """One feature, of its rows in the order that they came in."""
    finite = rows[np.isfinite(rows)]
    values = np.sort(finite)
    mean = float(finite.mean()) if len(finite) else 0.0
    deviation = float(finite.std()) if len(finite) else 0.0
    distinct, counts = np.unique(values, return_counts=True)
    few = len(distinct) <= FEW and len(distinct) * EACH <= len(values)
    if few or categorical(name):
        worth, held = _inflation(finite), counts.astype(np.float64)
        return Column(name, len(rows), values, mean, deviation, 0.0, worth, distinct, None, distinct, held, True)
    standard = (finite - mean) / deviation if deviation > 0 else finite * 0
    skew, tail = float((standard**3).mean()), float((standard**4).mean()) - 3
    scores = None
    if abs(skew) > MOST_SKEW or tail > MOST_TAIL:
        scores = normal_scores(len(values))
        ranks = np.searchsorted(values, finite) + np.searchsorted(values, finite, side="right")
        ranked = scores[ranks]
        mean, deviation, skew = float(ranked.mean()), float(ranked.std()), 0.0
        worth = _inflation(ranked)
    else:
        worth = _inflation(finite)
    edges, filled = _bins(values)
    tied = len(distinct) < len(values)
    return Column(name, len(rows), values, mean, deviation, skew, worth, None, scores, edges, filled, tied)


def _bins(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Upper edges of bins that hold about as many each, but the last's, and how many that is."""
    edges = values[:0]
    if len(values) >= BINS:
        edges = np.unique(values[[len(values) * k // BINS - 1 for k in range(1, BINS)]])
        edges = edges[edges < values[-1]]
    upto = np.searchsorted(values, edges, side="right")
    filled: NDArray[np.float64] = np.diff(upto, prepend=0, append=len(values)).astype(np.float64)
    return edges, filled


def normal_scores(held: int) -> NDArray[np.float64]:
    """By how many of `held` values are below and how many are below or equal, added: what a normal would have there."""
    inverse = NormalDist().inv_cdf
    return np.array([inverse((rank / 2 + 0.5) / (held + 1)) for rank in range(2 * held + 1)])


def _inflation(rows: NDArray[np.float64]) -> float:
    return float(inflation(rows[:, None])[0]) if len(rows) >= 40 else 1.0
