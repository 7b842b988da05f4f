"""Requests told slow from others, once for all who want to know."""

from collections.abc import Collection, Iterator, Sequence
from typing import Protocol

from headrace.alike import Lot
from headrace.observe.slow import Slow
from headrace.records import GenerationRecord


class Follower(Protocol):
    """Takes the requests of a while, and which of them were slow, by identity: mostly none. At once, or in steps."""

    def __call__(self, lot: Lot, slow: Collection[int], /) -> Iterator[None] | None: ...


class Sift:
    """Requests of the bus, for others that follow them."""

    def __init__(self, slow: Slow, followers: Sequence[Follower]) -> None:
        self._slow = slow
        self._followers = followers

    def count(self, lot: Lot) -> Iterator[None]:
        slow = self._slow.which(lot.alike)
        for follow in self._followers:
            yield
            yield from follow(lot, slow) or ()


def generations_of(lot: Lot) -> dict[str, list[GenerationRecord]]:
    """By the id of their request, in their order."""
    found: dict[str, list[GenerationRecord]] = {}
    for generation in lot.generations:
        found.setdefault(generation.id, []).append(generation)
    return found
