"""Whether an objective can be held at all: what the fastest run takes, held against it. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from headrace.batching.latency import Latency
from headrace.types import Signature

TYPICAL_LENGTH = 32
"""Of rows that vary in length, as short texts are."""


class Fastest(NamedTuple):
    """What one row takes in 99 of 100 runs, with one of several variants or without a name."""

    name: str
    ns: float


def fastest_run(name: str, latency: Latency, signature: Signature) -> Fastest | None:
    """Of one row of typical length, alone; None where nothing is known of it."""
    if not latency.known:
        return None
    return Fastest(name, latency.late(1, TYPICAL_LENGTH if signature.batch.pad else 0))


def out_of_reach(objective_ms: float, fastest: Sequence[Fastest]) -> str:
    """Why an objective cannot be held, and the best that can; empty where it can, or where nobody knows."""
    if not fastest or min(each.ns for each in fastest) <= objective_ms * 1e6:
        return ""
    ordered = sorted(fastest, key=lambda each: each.ns)
    best, *others = [f"{each.ns / 1e6:.1f} ms{f' with {each.name!r}' if each.name else ''}" for each in ordered]
    more = f" (then {', '.join(others)})" if others else ""
    return (
        f"no answer can come within the objective of {objective_ms:g} ms: a run of one row takes {best} at best{more}"
    )


SHORTEST_LENGTH = 8
"""Of rows that vary in length, as the shortest that are tried."""

ROOM = 0.5
"""Of an objective: what the shortest run may take that is to hold it beside other models; the rest is for waiting."""


def shortest_run_ns(latency: Latency, signature: Signature) -> float:
    """What half of the runs of one short row exceed, alone; 0 where nothing is known of it."""
    return latency.typical(1, SHORTEST_LENGTH if signature.batch.pad else 0)


def too_slow(objective_ms: float, shortest_ns: float) -> str:
    """Why a model is not to be run so beside others; empty where it may."""
    if not shortest_ns:
        return "nothing is known of what its runs take"
    if shortest_ns <= ROOM * objective_ms * 1e6:
        return ""
    return f"with half of them its shortest run takes {shortest_ns / 1e6:.1f} of the {objective_ms:g} ms that it has"
