"""What a model's objective promises, one by one: which share of its requests, and within which time. Pure."""

from typing import NamedTuple

from headrace.errors import DeadlineExceeded, HeadraceError, Internal, RateLimited, Unavailable
from headrace.types import Objective

IN_TIME = 0.99
"""Of the answers that a time is promised for: what `p99_ms` says of itself, and the others with it."""

AVAILABILITY = "availability"


class Promise(NamedTuple):
    """So many of a model's requests are answered, or answered within a time."""

    objective: str  # availability, p99_ms, ttft_ms, tpot_ms: its key in model.toml
    target: float
    limit_ms: float | None = None


def promises(objective: Objective, availability: float) -> tuple[Promise, ...]:
    """Those of a model; `availability` is the target of one that names none, 0 for no target."""
    target = availability if objective.availability is None else objective.availability
    made = [Promise(AVAILABILITY, target)] if target else []
    limits = (("p99_ms", objective.p99_ms), ("ttft_ms", objective.ttft_ms), ("tpot_ms", objective.tpot_ms))
    return (*made, *(Promise(name, IN_TIME, limit) for name, limit in limits if limit is not None))


def _codes(kind: type[HeadraceError]) -> set[str]:
    return {kind.code}.union(*(_codes(each) for each in kind.__subclasses__()))


NOT_SERVED = frozenset({Internal.code, DeadlineExceeded.code} | _codes(Unavailable)) - {RateLimited.code}
"""Codes of requests that were right and got no answer. What is wrong of itself, was withdrawn, or is beyond what its
tenant may ask for says nothing about the server."""
