"""What a run takes by its rows and their length: a surface through what was measured, rising in both.

Its knots are powers of two. A knot that was measured stands near the median of its runs; one that was not stands where
the line a + b·rows + c·rows·length + d·rows·length² runs, moved as its measured neighbours are off that line. Knows no
clock, no margins and not how quick the machine is at the moment: times are given and taken as logarithms, at speed 1.
Speed 1 is what it was at first: by what the sizes that run have become longer or shorter together, the machine has, or
those that do not run would be left behind, further with each hour and each restart.
"""

from collections import Counter, deque
from functools import lru_cache
from itertools import compress, product
from math import exp, inf, log, log2
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

Knot = tuple[int, int]
"""(log2 of rows, 0 for no length or 1 + log2 of length), rounded."""

Taken = tuple[float, float, bool]
"""What a run takes, as a logarithm and in ns, and whether so many runs of about its size are known that one held up
does not make up what is known."""

Line = tuple[float, float, float, float]
"""Its coefficients: for a run, a row, a row's length and its square."""

Floats = NDArray[np.float64]

KEPT = 32  # samples of a knot: its median follows once half of them are new
MEASURED = 3  # samples of a knot, from which on it is
KEPT_READ = 4  # of these, that a stored knot comes back as: it was another hour, and a few runs say more
LARGEST = float(1 << 40)
MOST_CACHED = 4096
LEAST_NS = 1.0
MOST_LOG = 60.0  # of nanoseconds: they stay finite

SUBSETS = np.array(list(product((0.0, 1.0), repeat=4)))  # of the four terms of the line
BOTH = SUBSETS[:, :, None] * SUBSETS[:, None, :]  # as the squares of a subset's system
NEITHER = np.eye(4) * (1 - SUBSETS)[:, :, None]  # a term that is not in it stays zero
PULL = 1e-4 * np.array([1.0, 1.0, 1.0, 10.0])  # to zero, where the measurements leave a term open
ALONE = 0.3  # weight of "as the line" against measured neighbours
MOVED = 0.05  # of a median's logarithm: less does not change a decision
GROWN = 1.5  # times the samples: more trust in a median moves the table too
OWN = 0.5  # samples that the neighbours of a measured knot count for
FIRM = 5  # samples, from which on a knot is not moved for one that has fewer
HELD = 4  # samples, from which on a knot tells by how much all have moved
FEW = 10  # samples of a knot, up to which half of them may have been held up
FAR_LESS = 0.4  # of a logarithm, that a larger size takes: then they were
TELLING = 3  # samples of that


class CostSurface:
    """The logarithm of what a run takes; owned by one Latency."""

    def __init__(self) -> None:
        self._samples: dict[Knot, deque[float]] = {}
        self._total = 0
        self._new = 0  # samples since the table was made
        self._levels: dict[Knot, float] = {}  # medians of the samples, when they were last taken
        self._first: dict[Knot, float] = {}  # of those: what it was at first
        self._ran: Counter[Knot] = Counter()  # runs since
        self._made_of: dict[Knot, tuple[float, int]] = {}  # the table: medians, and of how many samples
        self._doubted: dict[Knot, float] = {}  # what its neighbours say of each
        self._changed: set[Knot] = set()  # since then
        self._table: list[list[float]] = []  # at each knot up to the largest measured; empty: yet to be made
        self._line: Line = (0.0, 0.0, 0.0, 0.0)
        self._layout: Layout | None = None
        self.known: dict[tuple[float, float], Taken] = {}
        """What was asked since then, for those who ask too often to call."""

    def __bool__(self) -> bool:
        return bool(self._samples)

    def samples(self, rows: float, length: float) -> int:
        """How many runs are known of about this size."""
        found = self._samples.get(_knot(rows, length))
        return len(found) if found else 0

    def add(self, rows: float, length: float, log_ns: float) -> None:
        """One more run."""
        knot = _knot(rows, length)
        if self._reaches(*knot):
            log_ns -= self._beyond(rows, length, knot)  # what it would have taken at the knot
        samples = self._samples.get(knot)
        if samples is None:
            samples = self._samples[knot] = deque(maxlen=KEPT)
        samples.append(log_ns)
        self._changed.add(knot)
        self._ran[knot] += 1
        self._total += 1
        self._new += 1
        if len(samples) <= MEASURED or (self._new >= min(KEPT, self._total // 4) and self._moved()):
            self._make_table()  # now, and not when something waits for a decision

    def log_ns(self, rows: float, length: float) -> float:
        """The logarithm of what a run takes; that of 0 until something is known."""
        return self.at(rows, length)[0]

    def at(self, rows: float, length: float) -> Taken:
        """What is known of a size: 0 ns until something is."""
        taken = self.known.get((rows, length))
        if taken is None:
            if not self._samples:
                return -inf, 0.0, False
            if not self._table:
                self._make_table()
            if len(self.known) >= MOST_CACHED:
                self.known.clear()
            x, y = _place(rows, length)
            log_ns, samples = self._interpolated(x, y), self._samples.get((round(x), round(y)))
            # Each of a knot's first runs makes the table anew, and none of this is kept then.
            is_measured = samples is not None and len(samples) >= MEASURED
            taken = self.known[rows, length] = log_ns, nanoseconds(log_ns), is_measured
        return taken

    def encloses(self, rows: float, length: float) -> bool:
        """Whether a size lies among those measured, or is about the only one.

        Past these it is a guess how steeply times rise, and no guess is made of another: each larger size would come to
        take many times the one before.
        """
        return len(self._samples) == 1 or self._reaches(*_place(rows, length))

    def _reaches(self, x: float, y: float) -> bool:
        if not self._table and self._samples:
            self._make_table()
        return bool(self._table) and x <= len(self._table) - 1 and y <= len(self._table[0]) - 1

    def measured_ns(self, rows: float, length: float) -> float:
        """The logarithm of what its own runs say that a size takes, whatever its neighbours do, unless these say that
        it was held up; there must be some.

        Of the runs before the table was made: a machine that has just changed its speed is not taken for the size's.
        """
        knot = _knot(rows, length)
        beyond = self._beyond(rows, length, knot)  # makes the table where there is none
        return self._doubted.get(knot, self._levels[knot]) + beyond

    def to_json(self) -> list[list[float]]:
        """Each knot with how many samples stand behind it, its time, and what that was at first: held against the last
        time alone, each start would stand a little further off."""
        self._take_medians()
        self._hold(0.0)
        kept = [(knot, _kept(level)) for knot, level in self._levels.items()]
        return [[*knot, len(self._samples[knot]), ns, _kept(self._first.get(knot, ns))] for knot, ns in kept]

    @classmethod
    def from_json(cls, knots: Any) -> "CostSurface":
        """Raises ValueError or TypeError where it is none."""
        surface = cls()
        for i, j, count, level, *first in knots:
            if not (
                0 <= i <= 40 and 0 <= j <= 41 and count >= 1 and all(0 <= each <= MOST_LOG for each in (level, *first))
            ):
                raise ValueError(f"no knot: {[i, j, count, level]}")
            knot = int(i), int(j)
            surface._samples[knot] = deque([float(level)] * min(int(count), KEPT_READ), maxlen=KEPT)
            surface._changed.add(knot)
            surface._total += int(count)
            if first and count >= HELD:
                surface._first[knot] = float(first[0])
        return surface

    def _beyond(self, rows: float, length: float, knot: Knot) -> float:
        """How much longer a size takes than its knot."""
        return self.log_ns(rows, length) - self._at(*knot)

    def _interpolated(self, x: float, y: float) -> float:
        i, j = int(x), int(y)
        f, g = x - i, y - j
        table = self._table
        if i + 1 < len(table) and j + 1 < len(table[0]):
            low, high = table[i], table[i + 1]
            return (low[j] * (1 - f) + high[j] * f) * (1 - g) + (low[j + 1] * (1 - f) + high[j + 1] * f) * g
        value = self._at(i, j) * (1 - f) * (1 - g)
        if f:
            value += self._at(i + 1, j) * f * (1 - g)
        if g:
            value += self._at(i, j + 1) * (1 - f) * g
        if f and g:
            value += self._at(i + 1, j + 1) * f * g
        return value

    def _at(self, i: int, j: int) -> float:
        """At a knot. Beyond those measured it goes on from the border as the line does there."""
        table = self._table
        if i < len(table) and j < len(table[0]):
            return table[i][j]
        k, m = min(i, len(table) - 1), min(j, len(table[0]) - 1)
        return table[k][m] + _log_line(self._line, i, j) - _log_line(self._line, k, m)

    def _make_table(self) -> None:
        self._take_medians()
        self._hold()
        self._made_of = {knot: (level, len(self._samples[knot])) for knot, level in self._levels.items()}
        counts = [float(count) for _, count in self._made_of.values()]
        knots = tuple(self._levels)
        layout = self._layout
        if layout is None or knots != layout.knots:
            layout = self._layout = Layout(knots)
        levels, counted = np.array([*self._levels.values()]), np.array(counts)
        doubted = layout.doubted(levels, counted)
        self._table, self._line = layout.fitted(levels, np.where(doubted, 0.0, counted))
        self._doubted = {knot: self._table[knot[0]][knot[1]] for knot in compress(knots, doubted)}
        self.known.clear()
        self._new = 0

    def _moved(self) -> bool:
        """Whether medians, or how much stands behind them, have moved so much that the table is worth making anew."""
        changed, self._new = tuple(self._changed), 0
        self._take_medians()
        for knot in changed:
            level, count = self._made_of.get(knot, (inf, 0))
            if abs(self._levels[knot] - level) > MOVED or len(self._samples[knot]) > GROWN * count:
                return True
        return False

    def _take_medians(self) -> None:
        for knot in self._changed:
            samples = self._samples[knot]
            self._levels[knot] = median(samples)
        self._changed.clear()

    def _hold(self, unless: float = MOVED) -> None:
        """Take back by how much most of what ran has moved since it was first known, unless that is no more."""
        for knot in self._doubted.keys() & self._first.keys():
            del self._first[knot]
        for knot in self._levels.keys() - self._first.keys() - self._doubted.keys():
            if len(self._samples[knot]) >= HELD:
                self._first[knot] = self._levels[knot]
                self._ran.pop(knot, None)
        ran = [(knot, runs) for knot, runs in self._ran.items() if knot in self._first]
        moved = _common([(self._levels[knot] - self._first[knot], min(runs, KEPT)) for knot, runs in ran])
        if abs(moved) > unless:
            for knot, _ in ran:
                self._samples[knot] = deque([each - moved for each in self._samples[knot]], maxlen=KEPT)
                self._levels[knot] -= moved


def _kept(log_ns: float) -> float:
    """As it is written, and can be read again."""
    return round(min(max(log_ns, 0.0), MOST_LOG), 4)


def _common(moves: list[tuple[float, int]]) -> float:
    """Of how far each has moved, and how often it counts, the median; 0 of none."""
    ordered = sorted(moves)
    return (_middle(ordered) + _middle(ordered[::-1])) / 2


def _middle(moves: list[tuple[float, int]]) -> float:
    """The first one at which half of them are over."""
    left = sum(times for _, times in moves) / 2
    for move, times in moves:
        left -= times
        if left <= 0:
            return move
    return 0.0


def _place(rows: float, length: float) -> tuple[float, float]:
    """Where a size lies among the knots."""
    x = log2(min(rows, LARGEST)) if rows > 1 else 0.0
    y = 0.0 if length <= 0 else 1.0 + (log2(min(length, LARGEST)) if length > 1 else 0.0)
    return x, y


@lru_cache(MOST_CACHED)
def _knot(rows: float, length: float) -> Knot:
    x, y = _place(rows, length)
    return round(x), round(y)


class Layout:
    """How the knots that were measured lie, whatever was measured at them."""

    def __init__(self, knots: tuple[Knot, ...]) -> None:
        self.knots = knots
        at = np.array(knots, dtype=np.float64)
        self.rows, self.width = [int(most) + 1 for most in at.max(axis=0)]
        grid = np.meshgrid(np.arange(0.0, self.rows), np.arange(0.0, self.width), indexing="ij")
        i, j = [each.ravel() for each in grid]
        self.own = (at[:, 0] * self.width + at[:, 1]).astype(np.int64)
        self.terms = _terms(i, j)
        self.near = np.exp(-np.abs(i[:, None] - at[:, 0]) - np.abs(j[:, None] - at[:, 1]))
        self.near[self.own, np.arange(len(knots))] = 0.0
        self.larger = (at[:, None] <= at).all(axis=2)  # whether the second has no fewer rows, and none that is shorter

    def doubted(self, level: Floats, count: Floats) -> NDArray[np.bool_]:
        """Of which knots few runs tell that they take far longer than a larger one does: a run of fewer rows cannot,
        and runs are held up by others, never hurried."""
        least: Floats = np.where(self.larger & (count >= TELLING), level, np.inf).min(axis=1)
        doubted: NDArray[np.bool_] = (count <= FEW) & (level - least > FAR_LESS)
        return doubted

    def fitted(self, level: Floats, count: Floats) -> tuple[list[list[float]], Line]:
        """The logarithm of the time at every knot up to the largest measured, rising in both directions; and the
        line."""
        own = self.own
        line = fit(self.terms[own], np.exp(level), count)
        on_line = np.log(np.maximum(self.terms @ line, LEAST_NS))
        off = level - on_line[own]
        near = self.near * (count / (count + 2))
        moved = (near @ off) / (near.sum(axis=1) + ALONE)
        moved[own] = (count * off + OWN * moved[own]) / (count + OWN)
        a, b, c, d = line.tolist()
        behind = np.zeros(self.rows * self.width)  # samples
        behind[own] = count
        counted = behind.reshape(self.rows, self.width)
        table = within((on_line + moved).reshape(self.rows, self.width), counted >= FIRM)
        return rising(within(table, counted > 0)).tolist(), (a, b, c, d)


def fit(terms: Floats, times: Floats, weights: Floats) -> Floats:
    """The coefficients, none negative, whose line is relatively nearest to the times: exact, by trying every subset."""
    scaled = terms / times[:, None]
    weight, each = weights.sum(), weights[:, None]
    scale = np.sqrt((scaled**2 * each).sum(axis=0) / weight)
    scale[scale == 0] = np.inf  # a term that nothing speaks of stays zero
    scaled = scaled / scale
    weighted = scaled * each
    square = weighted.T @ scaled / weight + np.diag(PULL)
    wanted = weighted.sum(axis=0) / weight
    tried = np.linalg.solve(square * BOTH + NEITHER, (wanted * SUBSETS)[:, :, None])[:, :, 0]
    lost = np.einsum("si,ij,sj->s", tried, square, tried) - 2 * tried @ wanted
    lost[(tried < 0).any(axis=1)] = np.inf
    best: Floats = tried[np.argmin(lost)] / scale
    return best


def _terms(i: Floats, j: Floats) -> Floats:
    rows = np.exp2(i)
    length = np.where(j > 0, np.exp2(j - 1), 0.0)
    return np.stack([np.ones_like(rows), rows, rows * length, rows * length * length], axis=1)


def _log_line(line: Line, i: int, j: int) -> float:
    a, b, c, d = line
    rows, length = 2.0**i, 2.0 ** (j - 1) if j else 0.0
    return log(max(a + rows * (b + length * (c + length * d)), LEAST_NS))


def within(table: Floats, measured: NDArray[np.bool_]) -> Floats:
    """The table with what was not measured, or not so well, brought between what was: it is these that give way."""
    least = _above(np.where(measured, table, -np.inf))
    most = _below(np.where(measured, table, np.inf))
    brought: Floats = np.where(measured, table, np.clip(table, least, np.maximum(least, most)))
    return brought


def rising(table: Floats) -> Floats:
    """Half way between the least rising table above it and the greatest below it; a rising one is left as it is."""
    middle: Floats = (_above(table) + _below(table)) / 2
    return middle


def _above(table: Floats) -> Floats:
    """The least table that rises and is nowhere less."""
    highest: Floats = np.maximum.accumulate(np.maximum.accumulate(table, axis=0), axis=1)
    return highest


def _below(table: Floats) -> Floats:
    """The greatest table that rises and is nowhere more."""
    lowest: Floats = np.minimum.accumulate(np.minimum.accumulate(table[::-1, ::-1], axis=0), axis=1)[::-1, ::-1]
    return lowest


def nanoseconds(log_ns: float) -> float:
    """Of a logarithm that the surface gave, and that may have been moved."""
    return exp(log_ns if log_ns < MOST_LOG else MOST_LOG)


def logarithm(ns: float) -> float:
    """Of a measured time; a clock that did not move between two readings counts as its least step."""
    return log(max(ns, LEAST_NS))
