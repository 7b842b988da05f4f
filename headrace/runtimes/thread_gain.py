"""Does a model gain by all of the threads? The same row with all of them and with half, in turn, when it is loaded.

A small model's run is mostly what cannot be shared out: two of them side by side, each with half of the threads, then
do more than one after the other. Only models that are quick to load once more and quick to run are tried. Where others
have the cores, all threads are no quicker than half of them: runs whose threads had to wait for a core tell nothing.
"""

import statistics
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from headrace.devices.core_wait import waited_ns
from headrace.errors import HeadraceError
from headrace.runtimes.rows import FEW, rows_to_try
from headrace.runtimes.runtime import Arrays, LoadedModel

MOST_BYTES = 32 << 20
"""Of a model's file: a larger one takes too long to be loaded for a moment."""

LONGEST_NS = 5_000_000
SHORTEST_NS = 200_000
"""Of one row's run: below, what takes the time is to bring it there."""

BUDGET_NS = 100_000_000
PAIRS = 7
TRIES = 4  # of sizes
SETTLING = 2  # pairs before those that count
LEAST_PAIRS = 3
WAITED = 0.1  # of a pair's time, that threads may wait for a core


def half_takes(
    model: LoadedModel,
    path: Path,
    load_half: Callable[[], LoadedModel],
    now_ns: Callable[[], int] = time.perf_counter_ns,
    waited_ns: Callable[[], int] = waited_ns,
) -> float | None:
    """How many times as long a row of usual sizes takes with half of the threads, with which `load_half` loads the
    model; None where it was not tried, or where others had the cores."""
    row = _usual_row(model) if _is_small(path) else None
    if row is None:
        return None

    def took(which: LoadedModel) -> int:
        began_ns = now_ns()
        which.run(row, ())
        return now_ns() - began_ns

    try:
        if not SHORTEST_NS <= min(took(model) for _ in range(SETTLING + 1)) <= LONGEST_NS:
            return None
        half = load_half()
        try:
            return _ratio(lambda: took(half), lambda: took(model), now_ns, waited_ns)
        finally:
            half.close()
    except HeadraceError:
        return None


def _usual_row(model: LoadedModel) -> Arrays | None:
    """One that the model runs, as the probe makes them up."""
    required = [spec for spec in model.inputs if not spec.optional]
    for rows in islice(rows_to_try(required, FEW), TRIES):
        try:
            model.run(rows[0], ())
        except HeadraceError:
            continue
        return rows[0]
    return None


def _ratio(
    half: Callable[[], int], whole: Callable[[], int], now_ns: Callable[[], int], waited_ns: Callable[[], int]
) -> float | None:
    until_ns = now_ns() + BUDGET_NS
    for _ in range(SETTLING):
        half(), whole()
    ratios: list[float] = []
    while len(ratios) < PAIRS and now_ns() <= until_ns:
        waited = waited_ns()
        half_ns, whole_ns = half(), max(whole(), 1)
        if waited_ns() - waited <= WAITED * (half_ns + whole_ns):
            ratios.append(half_ns / whole_ns)
    return statistics.median(ratios) if len(ratios) >= LEAST_PAIRS else None


def _is_small(path: Path) -> bool:
    """A folder is none: what is in it may be anything."""
    try:
        return path.is_file() and path.stat().st_size <= MOST_BYTES
    except OSError:
        return False
