"""One number of each row, watched as it comes: whether its mean has moved, by ADWIN and by Page and Hinkley's test."""

from collections.abc import Sequence

import numpy as np

from headrace.drift.adwin import Adwin
from headrace.drift.comparison import Score
from headrace.drift.page_hinkley import PageHinkley

BLOCK = 25
"""Rows whose mean is one value: rows that come after one another are alike, means of so many hardly."""

BASE = 40
"""Blocks that show how much such means vary."""

DELTA, CLOCK = 2e-6, 4
"""Of ADWIN: at most a few false cuts in 10**8 rows."""

TOLERANCE, FAR = 0.5, 18.0
"""Of Page and Hinkley's test, in standard deviations of such means."""


class Moving:
    """One such number. What it finds is told once: a mean that stays where it went is the new one."""

    def __init__(self, feature: str, least: float = 0.0) -> None:
        """A move of less than `least` is none."""
        self._feature, self._least = feature, least
        self._rest = np.zeros(0)
        self._base: list[float] = []
        self._adwin = Adwin(DELTA, CLOCK)
        self._hinkley = PageHinkley(TOLERANCE, FAR)
        self._mean = self._deviation = 0.0
        self._lately: list[float] = []

    def add(self, values: Sequence[float] | np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[Score]:
        """What is found on the way."""
        rows = np.concatenate([self._rest, np.asarray(values, np.float64)])
        rows = rows[np.isfinite(rows)]
        whole = len(rows) // BLOCK * BLOCK
        self._rest = rows[whole:]
        found: list[Score] = []
        for block in rows[:whole].reshape(-1, BLOCK).mean(1).tolist():
            found += self._block(block)
        return found

    def _block(self, block: float) -> list[Score]:
        if len(self._base) < BASE:
            self._base.append(block)
            if len(self._base) == BASE:
                self._mean, self._deviation = float(np.mean(self._base)), float(np.std(self._base, ddof=1)) or 1e-9
            return []
        self._lately = [*self._lately[-3:], block]
        standard = (block - self._mean) / self._deviation
        tests = {"adwin": self._adwin.update(standard), "page_hinkley": self._hinkley.update(standard)}
        if not any(tests.values()):
            return []
        apart = abs(sum(self._lately) / len(self._lately) - self._mean)
        if apart < self._least:
            return []
        self._base = []  # what is usual now is to be seen anew
        self._adwin, self._hinkley = Adwin(DELTA, CLOCK), PageHinkley(TOLERANCE, FAR)
        bound = max(self._least, TOLERANCE * self._deviation)
        return [Score(self._feature, test, max(apart, bound), bound, True) for test, moved in tests.items() if moved]
