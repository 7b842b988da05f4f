"""What a server's runs took, out of what its answers say of them, as latencies that a simulation can be given. Pure.

An answer tells of its run how many rows it had and how long it computed; with the other answers of that run it tells
the longest row too. What the server itself reckons with is longer by the way to the model and back, which its own last
runs tell.
"""

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from headrace.batching.latency import Latency
from headrace.bench.samples import Batch

Kept = dict[str, Any]
"""As `Latency.to_json` gave it."""

NO_MARGIN = {"factor": 1.0, "ratios": [], "typical_us": []}


class Answered(msgspec.Struct, frozen=True):
    """One request that was answered, in the order of answers."""

    rows: int
    length: int
    latency_ms: float
    batch: Batch


class Ran(NamedTuple):
    """One run."""

    rows: int
    length: int  # of the longest
    ms: float


class Spell(NamedTuple):
    """Runs of a few seconds, over what is usual of their sizes."""

    level: float  # of their logarithms: the median
    offs: Sequence[float]  # the logarithms, around that
    usual_us: Sequence[float]  # of their sizes, at that level


def runs_of(answered: Iterable[Answered]) -> list[Ran]:
    """In the order in which they ended; one of which an answer is missing is none."""
    open_runs: dict[Batch, list[Answered]] = {}
    found = list[Ran]()
    for each in answered:
        told = each.batch._replace(queue_ms=0.0)
        run = open_runs.setdefault(told, [])
        run.append(each)
        if sum([part.rows for part in run]) >= told.rows:
            found.append(Ran(told.rows, max([part.length for part in run]), told.compute_ms))
            del open_runs[told]
    return found


def hop_ms(ran: Sequence[Ran], known: Kept) -> float:
    """What a run takes beside its computing: the last ones, as they were timed where they were handed over."""
    margin = known["margin"]
    timed = [ratio * us / 1e3 for ratio, us in zip(margin["ratios"], margin["typical_us"], strict=True)]
    last = min(len(timed), len(ran))
    beside: float = statistics.mean(timed[-last:]) - statistics.mean([run.ms for run in ran[-last:]])
    return max(0.0, beside)


def outside_ms(answered: Iterable[Answered]) -> list[float]:
    """What requests took outside of the queue and their run's computing."""
    return [each.latency_ms - each.batch.queue_ms - each.batch.compute_ms for each in answered]


class Usual:
    """What is usual of each size, by runs of all times."""

    def __init__(self, ran: Iterable[Ran]) -> None:
        latency = Latency()
        for run in ran:
            latency.learn(run.rows, run.length, run.ms * 1e6)
        self._kept = {**latency.to_json(), "alone": 0.0, "margin": NO_MARGIN}
        self._latency = Latency.from_json(self._kept)

    def spell(self, ran: Sequence[Ran]) -> Spell:
        """Of runs of one time."""
        usual_ns = [self._latency.typical(run.rows, run.length) for run in ran]
        logs = [math.log(run.ms * 1e6 / usual) for run, usual in zip(ran, usual_ns, strict=True)]
        level = statistics.median(logs)
        return Spell(level, [each - level for each in logs], [each * math.exp(level) / 1e3 for each in usual_ns])

    def latency(self, spells: Sequence[Spell]) -> Kept:
        """Of a time that is like these together: at the mean of their levels, and as unsteady as each of them was."""
        ratios = [math.exp(off) for each in spells for off in each.offs]
        typical_us = [max(1, round(us)) for each in spells for us in each.usual_us]
        margin = {**NO_MARGIN, "ratios": ratios, "typical_us": typical_us}
        return {**self._kept, "alone": statistics.mean([each.level for each in spells]), "margin": margin}
