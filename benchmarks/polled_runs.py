"""What a server's runs took, out of what it told of them from time to time: polls of a model's `latency`. Pure.

A poll tells of the last runs what each took over what was expected of it, but not at which pace of the machine it was
expected, and it tells of sizes what is usual at a pace that drifts. Both are brought to one surface here, so that runs
of many polls can be told together.
"""

import math
import statistics
from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from headrace.batching.latency import KNOWN, PACE

LEAST = 1e-3  # of a ratio

Poll = dict[str, Any]
"""As `Latency.to_json` gave it."""

Told = tuple[float, int]
"""How many times what was expected a run took, and how many us that was."""

Knots = dict[tuple[int, int], tuple[float, float]]
"""By place: how many runs stand behind the logarithm of a time, and that."""


class Ran(NamedTuple):
    """One run."""

    off: float  # the surface at its size, as a logarithm
    usual_us: float  # at its size, by the surface


def one_latency(stretches: Sequence[Sequence[Poll]]) -> Poll:
    """Of several stretches of time: one surface, at the median pace of their runs, and the runs in order around it."""
    surface = _surface(stretches)
    ran = [each for polls in stretches for each in _ran(polls, surface)]
    middle = statistics.median([each.off for each in ran])
    known = stretches[-1][-1]
    margin = {
        **known["margin"],
        "ratios": [math.exp(each.off - middle) for each in ran],
        "typical_us": [max(1, round(each.usual_us * math.exp(middle))) for each in ran],
    }
    knots = [[*place, count, level] for place, (count, level) in surface.items()]
    return {**known, "knots": knots, "alone": middle, "margin": margin}


def _surface(stretches: Sequence[Sequence[Poll]]) -> Knots:
    """What all of them know of each size, each moved to where the middle one stands."""
    middle = _knots(stretches[len(stretches) // 2][-1])
    found: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for polls in stretches:
        off = _off(polls[-1], middle)
        for place, (count, level) in _knots(polls[-1]).items():
            found.setdefault(place, []).append((count, level - off))
    surface: Knots = {}
    for place, known in found.items():
        behind = sum([count for count, _ in known])
        surface[place] = max(known)[0], sum([count * level for count, level in known]) / behind
    return surface


def _ran(polls: Sequence[Poll], surface: Knots) -> list[Ran]:
    """What came between the first poll and the last."""
    ran: list[Ran] = []
    last = deque([polls[0]["alone"] or 0.0] * KNOWN, maxlen=PACE)
    for before, now in pairwise(polls):
        offs, expected = list[float](), list[float]()
        for ratio, us in new_of(_told(before), _told(now)):
            pace = _median(last)
            offs.append(pace + math.log(max(ratio, LEAST)))
            expected.append(math.log(us) - pace)
            last.append(offs[-1])
        # The pace that is reckoned here and the one that is told drift apart by as much as the surface moves meanwhile.
        wrong, moved = (now["alone"] or 0.0) - _median(last), _off(now, surface)
        for number, (off, usual) in enumerate(zip(offs, expected, strict=True), 1):
            more = wrong * number / len(offs) + moved
            ran.append(Ran(off + more, math.exp(usual - more)))
        last = deque([each + wrong for each in last], maxlen=PACE)
    return ran


def new_of(before: Sequence[Told], now: Sequence[Told]) -> Sequence[Told]:
    """What has come to the end, where as much may have gone at the beginning."""
    for gone in range(len(before)):
        kept = before[gone:]
        if now[: len(kept)] == kept:
            return now[len(kept) :]
    return now


def _told(poll: Poll) -> list[Told]:
    margin = poll["margin"]
    return [(ratio, max(us, 1)) for ratio, us in zip(margin["ratios"], margin["typical_us"], strict=True)]


def _knots(poll: Poll) -> Knots:
    return {(int(i), int(j)): (float(count), level) for i, j, count, level in poll["knots"]}


def _off(poll: Poll, surface: Knots) -> float:
    """By how much a poll's sizes stand above the surface's, on the mean of those that both know."""
    pairs = [
        (min(count, surface[place][0]), level - surface[place][1])
        for place, (count, level) in _knots(poll).items()
        if place in surface
    ]
    return sum(weight * off for weight, off in pairs) / sum(weight for weight, _ in pairs) if pairs else 0.0


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]
