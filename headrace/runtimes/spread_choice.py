"""Whether a batch runs whole, on all threads at once, or spread, each core running some of its rows. Pure."""

import statistics
from collections import deque

from headrace.runtimes.few_shapes import step

SHORTEST_NS = 1_000_000
"""Of a whole run: below, what handing rows to other threads takes is felt."""

LEAST = 3
"""Runs in either way, before one is preferred."""

RECENT = 5
"""Of either way the last runs are what counts: a machine's speed changes."""

AGAIN = 64
"""Of so many runs, one goes the way that was slower, which may have changed."""


class SpreadChoice:
    """Learns by kinds of batches: as many rows, each of about as many bytes."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[int, int], _Kind] = {}

    def spreads(self, rows: int, row_bytes: int) -> bool:
        """The way that the next batch of this kind goes."""
        return self._kind(rows, row_bytes).next()

    def took(self, rows: int, row_bytes: int, spread: bool, run_ns: int) -> None:
        """What a batch of this kind has taken."""
        kind = self._kind(rows, row_bytes)
        (kind.spread if spread else kind.whole).append(run_ns / (rows * max(1, row_bytes)))
        if not spread:
            kind.is_short = run_ns < SHORTEST_NS

    def _kind(self, rows: int, row_bytes: int) -> "_Kind":
        return self._kinds.setdefault((step(rows), row_bytes.bit_length()), _Kind())


class _Kind:
    """Times are of a byte: a kind has batches of somewhat different sizes."""

    def __init__(self) -> None:
        self.whole = deque[float](maxlen=RECENT)
        self.spread = deque[float](maxlen=RECENT)
        self.is_short = False
        self._turns = 0

    def next(self) -> bool:
        if self.is_short:
            return False
        if len(self.whole) < LEAST or len(self.spread) < LEAST:
            return len(self.spread) < len(self.whole)  # in turn, so that both see the same machine
        self._turns += 1
        better = statistics.median(self.spread) <= statistics.median(self.whole)
        return better if self._turns % AGAIN else not better
