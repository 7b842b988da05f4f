"""The inputs or the outputs of one version: its window, what that is compared with, and what is in alarm."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec
import numpy as np

from headrace.drift.alarms import Alarms, Crossing, worst
from headrace.drift.comparison import Score, compare
from headrace.drift.features import groups
from headrace.drift.reference import Reference, Rows

FIRST = 16
"""Rows that there is memory for at first: of hundreds of models most are hardly asked."""


class Change(msgspec.Struct, frozen=True):
    """An alarm that began or ended, and by what."""

    begins: bool
    crossing: Crossing  # that began it
    began_ns: int  # the window's first row
    ended_ns: int  # and its last


class Side:
    """Takes rows, and compares each full window with each reference that there is by then."""

    def __init__(self, names: Sequence[str], window: int, alpha: float) -> None:
        """`alpha` is the level of each test."""
        self.names = tuple(names)
        self.features = (*self.names, *groups(names))  # those of its rows, and those that are made of several
        self.references: dict[str, Reference] = {}  # by what it is: reference, previous
        self.scores: dict[tuple[str, str, str], Score] = {}  # of the last window: by what against, feature, test
        self.alarms = Alarms()
        self.windows = 0
        self.current = np.zeros((0, len(self.names)))  # the last full window
        self._alpha = alpha
        self._size = window
        self._window = np.empty((min(FIRST, window), len(self.names)))
        self._filled = 0
        self._began_ns = 0
        self._moved: list[Score] = []

    def add(self, rows: Rows, times_ns: Sequence[int]) -> Iterator[Change | None]:
        """What changed by these rows; None wherever there may be a pause."""
        at = 0
        while at < len(rows):
            took = min(self._size - self._filled, len(rows) - at)
            if not self._filled:
                self._began_ns = times_ns[at]
            self._make_room(self._filled + took)
            self._window[self._filled : self._filled + took] = rows[at : at + took]
            self._filled += took
            at += took
            if self._filled == self._size:
                yield from self._close(times_ns[at - 1])

    def moved(self, found: Iterable[Score]) -> None:
        """What was found on the way: counted with the window that is being filled."""
        self._moved += found

    def _make_room(self, rows: int) -> None:
        """In the window, for so many: each time for twice as many as before."""
        if rows > len(self._window):
            grown = np.empty((min(self._size, max(rows, 2 * len(self._window))), len(self.names)))
            grown[: self._filled] = self._window[: self._filled]
            self._window = grown

    def _close(self, ended_ns: int) -> Iterator[Change | None]:
        window, self._window = self._window, np.empty_like(self._window)
        self._filled = 0
        found = [("reference", score) for score in self._moved]
        self._moved = []
        for against, reference in list(self.references.items()):
            for scores in compare(self.names, window, reference, self._alpha):
                found += [(against, score) for score in scores]
                yield None
        self.current = window
        self.windows += 1
        self.scores = {(against, score.feature, score.test): score for against, score in found}
        begun, ended = self.alarms.window(worst(found))
        for crossing in begun:
            yield Change(True, crossing, self._began_ns, ended_ns)
        for crossing in ended:
            yield Change(False, crossing, self._began_ns, ended_ns)
