"""Where a noisy series of numbers moved from one level to another, and how sure that is. Knows no models."""

from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from headrace.changes.slots import Numbers, Seconds

LEAST = 6
"""Points that a level must hold on either side to be one: what is shorter is a burst."""

LOOK = 120
"""Points on either side of a change that its levels and its place are taken from."""

STRENGTH = 5.0
"""Standard errors that levels must be apart: an hour is searched at thousands of places, at every scale."""

COURSE = 61
"""Points whose median is the course of a series, which noise is about."""

_SCALE = 2**0.5  # from one length of intervals to the next
_MEDIAN_SD = 1.4826  # of normal numbers, by their median distance


class Shift(msgspec.Struct, frozen=True):
    """From `at` on the series has another level."""

    at: int  # the first second of the new level
    before: float
    after: float
    strength: float  # standard errors between the two
    begin: int  # the first second of the level before, and the last of the one after
    end: int
    within_s: float = 1.0  # how far the true moment may be off


def shifts(
    seconds: Seconds, values: Numbers, floor: Numbers | None = None, smooth: bool = True, least: float = STRENGTH
) -> list[Shift]:
    """Every lasting move, oldest first.

    `floor` is the least standard deviation of each value that is believed, such as that of a share of few. `smooth`
    takes bursts of one or two points out first. `least` is the strength of those that count.
    """
    if len(values) < 2 * LEAST:
        return []
    floors = np.zeros(len(values)) if floor is None else floor
    x = _smoothed(values) if smooth else values
    floors = np.maximum(floors, _noise(x))
    places = _narrowest(x, floors, least)
    for _ in range(2):  # each is put where it is best between its neighbours, then again
        places = list(_put(x, floors, places, least))
    ends = [0, *(place for place, _ in places), len(x)]
    found = []
    for (place, strength), (before, after) in zip(places, zip(ends, ends[2:], strict=False), strict=True):
        begin, end = max(before, place - LOOK), min(after, place + LOOK)
        gap = float(seconds[place] - seconds[place - 1])
        found.append(
            Shift(
                int(seconds[place]),
                float(np.mean(x[begin:place])),
                float(np.mean(x[place:end])),
                strength,
                int(seconds[before]),
                int(seconds[after - 1]),
                max(1.0, gap),
            )
        )
    return found


def step_near(seconds: Seconds, values: Numbers, at: float, tolerance_s: float, floor: float = 0.0) -> Shift | None:
    """The largest move of a series around a moment, whether or not it is strong; None where it has too few points, or
    its place is not near that moment."""
    first, last = np.searchsorted(seconds, (at - LOOK / 2, at + LOOK / 2))
    step = largest(seconds[first:last], values[first:last], floor)
    if step is None or not step.at - step.within_s - tolerance_s <= at <= step.at + tolerance_s:
        return None
    return step


def largest(seconds: Seconds, values: Numbers, floor: float = 0.0) -> Shift | None:
    """The largest move of a series, whether or not it is strong; NaN is no point. None where there is none."""
    good = ~np.isnan(values)
    seconds, values = seconds[good], values[good]
    if len(values) < 2 * LEAST or values.min() == values.max():
        return None
    x = _smoothed(values)
    place, strength = _best(x, np.full(len(x), max(floor, _noise(x))))
    if place == 0:
        return None
    before, after = float(np.mean(x[:place])), float(np.mean(x[place:]))
    gap = float(seconds[place] - seconds[place - 1])
    return Shift(int(seconds[place]), before, after, strength, int(seconds[0]), int(seconds[-1]), max(1.0, gap))


def _narrowest(x: Numbers, floors: Numbers, least: float) -> list[tuple[int, float]]:
    """Places, ascending, found in the shortest intervals that show one: those hold the fewest other moves."""
    found: list[tuple[int, float, int, int]] = []
    for begin, end in _intervals(len(x)):
        if any(begin < place < end for place, *_ in found):
            continue
        place, strength = _best(x[begin:end], floors[begin:end])
        if strength >= least:
            found.append((begin + place, strength, begin, end))
    places: list[tuple[int, float]] = []
    for place, strength, *_ in sorted(found, key=lambda each: -each[1]):
        if all(abs(place - other) >= LEAST for other, _ in places):
            places.append((place, strength))
    return sorted(places)


def _intervals(size: int) -> Iterator[tuple[int, int]]:
    """Shorter ones first; those of one length overlap by half."""
    length = 4.0 * LEAST
    while length < size:
        whole = int(length)
        yield from ((begin, begin + whole) for begin in range(0, size - whole, max(1, whole // 3)))
        yield size - whole, size
        length *= _SCALE
    yield 0, size


def _put(x: Numbers, floors: Numbers, places: list[tuple[int, float]], least: float) -> Iterator[tuple[int, float]]:
    """Each place where it is best between those beside it; without those that are weak there."""
    edges = [0, *(place for place, _ in places), len(x)]
    for left, place, right in zip(edges, edges[1:], edges[2:], strict=False):
        begin, end = max(left, place - LOOK), min(right, place + LOOK)
        best, strength = _best(x[begin:end], floors[begin:end])
        if strength >= least and best:
            yield begin + best, strength


def _best(x: Numbers, floors: Numbers) -> tuple[int, float]:
    """The split after which the mean differs most from the mean before it, and by how many standard errors; 0, 0.0
    where there is none."""
    n = len(x)
    if n < 2 * LEAST:
        return 0, 0.0
    sums = np.cumsum(x)
    counts = np.arange(1, n)
    spread = np.abs(sums[:-1] - counts * (sums[-1] / n)) / np.sqrt(counts * (n - counts) / n)
    inner = spread[LEAST - 1 : n - LEAST]
    place = LEAST + int(np.argmax(inner))
    top = float(inner[place - LEAST])
    if top <= 0:
        return 0, 0.0
    rest = np.concatenate((x[:place] - np.mean(x[:place]), x[place:] - np.mean(x[place:])))
    return place, top / _long_run_sd(rest, floors)


def _noise(x: Numbers) -> float:
    """The long-run deviation of the whole series about its slow course: short stretches say too little of theirs."""
    window = min(COURSE, len(x) // 2) | 1
    half = window // 2
    padded = np.pad(x, half, mode="symmetric")  # so that a level which is short is a level at the ends too
    course = np.median(np.lib.stride_tricks.sliding_window_view(padded, window), axis=1)
    rest = x - course
    limit = 4 * spread(rest)  # where a level moves, and in bursts, it is not noise that is seen
    return _long_run_sd(np.clip(rest, -limit, limit) if limit else rest, np.zeros(1))


def _long_run_sd(rest: Numbers, floors: Numbers) -> float:
    """The standard deviation that the mean of so many points answers to: more than that of one where what is noise
    now is likely to be noise the moment after."""
    n = len(rest)
    variance = float(np.mean(rest * rest)) * n / max(1, n - 2)
    least = float(np.mean(floors * floors))
    total = 1.0
    lags = max(2, min(20, n // 5)) if variance > 0 else 0
    for lag in range(1, lags + 1):
        weight = 1 - lag / (lags + 1)
        total += 2 * weight * float(np.mean(rest[lag:] * rest[:-lag])) / variance
    # A short series says little of its noise: of a dozen points, half of it is believed to be missing.
    believed = variance * max(total, 1.0) * (1 + 6 / n)
    return float(np.sqrt(max(believed, least))) or 1e-12


def _smoothed(values: Numbers) -> NDArray[np.float64]:
    """The median of five points around each; an edge of a lasting move stays where it is."""
    if len(values) < 5:
        return values
    padded = np.concatenate((values[:1], values[:1], values, values[-1:], values[-1:]))
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, 5), axis=1)


def spread(values: Numbers) -> float:
    """How far points lie from their middle, as a standard deviation that bursts do not change."""
    return _MEDIAN_SD * float(np.median(np.abs(values - np.median(values)))) if len(values) else 0.0
