"""A window of rows against a reference: each test of each feature, its statistic and what it would have to pass."""

import math
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.drift.chi_square import chi_square, joined
from headrace.drift.features import groups
from headrace.drift.ks import distance, ks_threshold
from headrace.drift.level import chi_square_critical, normal_critical
from headrace.drift.mean_shift import unskewed, z
from headrace.drift.mmd import mmd, mmd_threshold
from headrace.drift.psi import psi, psi_threshold
from headrace.drift.reference import Column, Reference
from headrace.drift.shares import beyond_p, excess_p

TESTS = 5
"""Most tests of one feature."""

SLICE = 16
"""Features that are compared without a pause."""


class Score(msgspec.Struct, frozen=True, gc=False):
    """What one test says of one window."""

    feature: str
    test: str  # psi, ks, mean, chi2, mmd, missing, range
    statistic: float  # as the test's books have it
    threshold: float  # that it crosses by chance as seldom as was asked for
    crossed: bool

    @property
    def ratio(self) -> float:
        """1 where it is at its threshold."""
        return self.statistic / self.threshold if self.threshold > 0 else 0.0


def compare(names: Sequence[str], window: NDArray[np.float64], of: Reference, alpha: float) -> Iterator[list[Score]]:
    """The scores of the features that both have, some at a time: there may be a pause between.

    `alpha` is the level of each test.
    """
    index = {name: i for i, name in enumerate(names)}
    columns = [column for column in of.columns if column.name in index]
    for start in range(0, len(columns), SLICE):
        few = columns[start : start + SLICE]
        yield _scores(few, window[:, [index[column.name] for column in few]], alpha)
    mine = groups(names)
    for tensor, kept in of.kernels.items():
        if len(mine.get(tensor, ())) == len(kept.centre):
            yield _vectors(tensor, window[:, mine[tensor]], of, alpha)


def _scores(columns: Sequence[Column], window: NDArray[np.float64], alpha: float) -> list[Score]:
    finite = np.isfinite(window)
    counts = finite.sum(0)
    found: list[Score] = []
    dense: list[int] = []
    for i, column in enumerate(columns):
        found += _missing(column, len(window), int(counts[i]), alpha)
        if not counts[i] or not len(column.values):
            continue
        if column.categories is not None:
            found += _categories(column, window[finite[:, i], i], alpha)
        elif counts[i] == len(window):
            dense.append(i)
        else:
            found += _continuous([column], np.sort(window[finite[:, i], i])[None], alpha)
    if dense:
        found += _continuous([columns[i] for i in dense], np.sort(window[:, dense].T, axis=1), alpha)
    return found


def _continuous(columns: Sequence[Column], window: NDArray[np.float64], alpha: float) -> list[Score]:
    """Windows without a missing value, sorted, one a row."""
    n = window.shape[1]
    upto = np.stack([column.values.searchsorted(row, "right") for column, row in zip(columns, window, strict=True)])
    below = np.stack([_below(column, row, ranks) for column, row, ranks in zip(columns, window, upto, strict=True)])
    rows = np.array([len(column.values) for column in columns])
    distances = distance(below, upto, rows[:, None]).tolist()
    means = window.mean(1)
    for i, column in enumerate(columns):
        if column.scores is not None:
            means[i] = column.scores[below[i] + upto[i]].mean()
    facts = np.array([(c.mean, c.deviation, c.skew, c.inflation, c.held) for c in columns]).T
    worth = n / facts[3]
    shifts = np.abs(unskewed(z(means, facts[0], facts[1], worth, facts[4]), facts[2], worth, facts[4])).tolist()
    indices = _indices(columns, window)
    outside = np.stack([(upto == 0).sum(1), (below == rows[:, None]).sum(1)], axis=1).tolist()
    most = normal_critical(alpha)
    found: list[Score] = []
    for i, column in enumerate(columns):
        current, held = float(worth[i]), column.held
        ks, index = ks_threshold(alpha, current, held), psi_threshold(alpha, len(column.counts), current, held)
        found.append(Score(column.name, "ks", distances[i], ks, distances[i] > ks))
        found.append(Score(column.name, "mean", shifts[i], most, shifts[i] > most))
        found.append(Score(column.name, "psi", indices[i], index, indices[i] > index))
        found.append(_range(column, outside[i], n, alpha))
    return found


def _below(column: Column, row: NDArray[np.float64], upto: NDArray[np.intp]) -> NDArray[np.intp]:
    """How many of the reference are below each value; where no two of it are equal that is soon told."""
    if column.tied:
        return column.values.searchsorted(row, "left")
    last: NDArray[np.intp] = np.maximum(upto - 1, 0)
    found: NDArray[np.intp] = upto - ((column.values[last] == row) & (upto > 0))
    return found


def _indices(columns: Sequence[Column], window: NDArray[np.float64]) -> list[float]:
    """The population stability index of each."""
    found = [0.0] * len(columns)
    by_bins: dict[int, list[int]] = {}
    for i, column in enumerate(columns):
        by_bins.setdefault(len(column.counts), []).append(i)
    for bins, members in by_bins.items():
        inner = np.zeros((len(members), bins + 1))
        inner[:, -1] = window.shape[1]
        for k, i in enumerate(members):
            inner[k, 1:-1] = window[i].searchsorted(columns[i].edges, "right")
        indices = psi(inner[:, 1:] - inner[:, :-1], np.stack([columns[i].counts for i in members]))
        for i, index in zip(members, indices.tolist(), strict=True):
            found[i] = index
    return found


def _range(column: Column, outside: Sequence[int], rows: int, alpha: float) -> Score:
    """Values beyond the reference's range, as surprise: how often chance would make so many, in powers of ten."""
    below, above = outside
    if not below and not above:
        return Score(column.name, "range", 0.0, -math.log10(alpha), False)
    worth = column.inflation
    p = beyond_p(int(below / worth), int(above / worth), int(rows / worth), int(len(column.values) / worth))
    return _surprise(column.name, "range", p, alpha)


def _missing(column: Column, rows: int, finite: int, alpha: float) -> list[Score]:
    lacking = rows - finite
    if not lacking and not column.missing:
        return [Score(column.name, "missing", 0.0, -math.log10(alpha), False)]
    return [_surprise(column.name, "missing", excess_p(lacking, rows, column.missing, column.rows), alpha)]


def _categories(column: Column, values: NDArray[np.float64], alpha: float) -> list[Score]:
    assert column.categories is not None
    at = column.categories.searchsorted(values)
    inside = np.minimum(at, len(column.categories) - 1)
    known = column.categories[inside] == values
    counts = np.bincount(inside[known], minlength=len(column.categories)).astype(float)
    strange = int((~known).sum())
    current, reference = joined(counts, column.counts)
    pearson, ratio, degrees = chi_square(current, reference)
    bound = chi_square_critical(alpha, degrees) * column.inflation
    crossed = min(pearson, ratio) > bound
    p = excess_p(int(strange / column.inflation), len(values), 0, len(column.values))
    scores = [_surprise(column.name, "range", p, alpha)]
    if degrees:
        scores.append(Score(column.name, "chi2", pearson if crossed else min(pearson, ratio), bound, crossed))
    return scores


def _surprise(feature: str, test: str, p: float, alpha: float) -> Score:
    return Score(feature, test, abs(math.log10(max(p, 1e-300))), -math.log10(alpha), p < alpha)


def _vectors(tensor: str, vectors: NDArray[np.float64], of: Reference, alpha: float) -> list[Score]:
    vectors = vectors[np.isfinite(vectors).all(1)]
    if not len(vectors):
        return []
    mine = groups([column.name for column in of.columns])[tensor]
    worth = max(of.columns[i].inflation for i in mine)
    found = mmd(vectors, of.kernels[tensor])
    bound = mmd_threshold(alpha, of.kernels[tensor], len(vectors) / worth, of.rows / worth)
    return [Score(tensor, "mmd", found, bound, found > bound)]
